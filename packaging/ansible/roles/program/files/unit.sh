# Prints the unit of `steelyard vip` for the program $1. One that does not print it by itself has that of an edge, which differs in
# these words.
set -eu
if "$1" manifest systemd --program "$1" 2>/dev/null; then exit 0; fi
for edge in /usr/lib/systemd/system/steelyard-edge.service /etc/systemd/system/steelyard-edge.service; do
  if [ -e "$edge" ]; then
    exec sed -e 's/^# Written by .*/# Written by Ansible. To change it: systemctl edit steelyard-vip/' \
      -e 's/^Description=.*/Description=steelyard vip, the address of the API servers/' \
      -e 's|^\(ExecStart=.*\) edge --config /etc/steelyard$|\1 vip --config /etc/steelyard/vip.yaml|' \
      -e 's/^\(RuntimeDirectory\|StateDirectory\)=steelyard$/\1=steelyard-vip/' "$edge"
  fi
done
echo "there is no unit of an edge to start from" >&2
exit 1
