# Checks standard input, which is to become the file $1, with the others that are read with it: those in the directory $2, if
# it is one.
set -u
file=$(mktemp) || exit 1
trap 'rm -f -- "$file"' EXIT
ours=$1 folder=$2
set -- "$file"
if [ -d "$folder" ]; then
  for other in "$folder"/*.yaml; do
    if [ -e "$other" ] && [ "$other" != "$ours" ]; then set -- "$@" "$other"; fi
  done
fi
status=0
cat >"$file"
said=$(steelyard check "$@" 2>&1) || status=$?
printf '%s\n' "$said" | sed "s|$file|$ours|g"
exit "$status"
