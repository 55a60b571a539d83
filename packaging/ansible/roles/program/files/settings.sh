# Makes kernel settings NAME=VALUE those of this machine, now and when it starts, and puts those back that are no longer among
# them; prints what it changed. The first argument is `set`, or `check` to print only what it would.
set -eu
mode=$1
shift
file=/etc/sysctl.d/60-steelyard.conf
before=/var/lib/steelyard/settings-before

# The kernel writes blanks between the numbers of a setting as tabs.
plain() { tr -s '[:space:]' ' ' | sed 's/^ //; s/ $//'; }
now() { sysctl --values -- "$1" | plain; }
put() { # name, value
  [ "$(now "$1")" = "$2" ] && return
  echo "$1 = $2"
  if [ "$mode" = set ]; then sysctl --quiet --write -- "$1=$2"; fi
}

text=$(for pair in "$@"; do echo "${pair%%=*} = $(printf %s "${pair#*=}" | plain)"; done)
if [ "$mode" = set ]; then
  mkdir -p "${before%/*}"
  touch "$before"
fi
for pair in "$@"; do
  name=${pair%%=*} value=$(printf %s "${pair#*=}" | plain)
  old=$(now "$name")
  # Noted before it is changed, whatever happens then.
  if [ "$mode" = set ] && ! grep -qF -- "$name=" "$before"; then echo "$name=$old" >>"$before"; fi
  put "$name" "$value"
done
if [ -e "$before" ]; then
  while IFS== read -r name value; do
    case " $* " in *" $name="*) continue ;; esac
    put "$name" "$value"
    if [ "$mode" = set ]; then sed -i "/^$(printf %s "$name" | sed 's/[.]/\\./g')=/d" "$before"; fi
  done <<END
$(cat "$before")
END
fi
if [ $# -eq 0 ]; then
  if [ -e "$file" ]; then
    echo "without $file"
    if [ "$mode" = set ]; then rm -f -- "$file" "$before"; fi
  fi
elif [ "$text" != "$(cat "$file" 2>/dev/null)" ]; then
  echo "$file"
  if [ "$mode" = set ]; then printf '%s\n' "$text" >"$file.new" && mv -- "$file.new" "$file"; fi
fi
