# Loads kernel modules now; prints what it loaded, nothing of those that are there. The first argument is `set`, or `check` to
# print only what it would.
set -eu
mode=$1
shift
for name; do
  # What is built into the kernel may be known to nothing but this folder.
  if [ -d "/sys/module/$(printf %s "$name" | tr - _)" ]; then continue; fi
  if [ "$mode" = set ]; then modprobe --verbose -- "$name"; else modprobe --dry-run --verbose -- "$name"; fi
done
