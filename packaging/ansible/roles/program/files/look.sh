# Says as JSON how this host is. Changes nothing. Arguments: the unit, its configuration file, the directory or file that it
# reads, then COMMAND=PACKAGE for each that must be there.
set -u
unit=$1 config=$2 reads=$3
shift 3

yes_no() { if "$@" >/dev/null 2>&1; then printf true; else printf false; fi; }

installed='' version='' stamp=''
if state=$(dpkg-query --show --showformat='${db:Status-Status} ${Version}' steelyard 2>/dev/null); then
  case $state in installed\ *) installed=package version=${state#installed } ;; esac
fi
if [ -z "$installed" ] && [ -L /opt/steelyard/current ]; then installed=archive; fi
if [ -z "$installed" ] && command -v steelyard >/dev/null; then installed=other; fi
if [ -r /var/lib/steelyard/ansible ]; then read -r stamp </var/lib/steelyard/ansible || true; fi

# Whether what runs is no longer what is installed: the program, or the unit, as after a run that was killed before its handlers.
stale=false
pid=$(systemctl show --property MainPID --value "$unit" 2>/dev/null) || pid=0
case $pid in '' | 0 | *[!0-9]*) pid=0 ;; esac
if [ "$pid" != 0 ]; then
  case $(readlink "/proc/$pid/exe") in *' (deleted)') stale=true ;; esac
  if [ "$installed" = archive ]; then
    here=$(readlink -f /opt/steelyard/current)
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$here/dist/main.js" || stale=true
  fi
  case $(systemctl show --property NeedDaemonReload --value "$unit") in yes) stale=true ;; esac
  started=$(date -d "$(systemctl show --property ExecMainStartTimestamp --value "$unit")" +%s 2>/dev/null) || started=''
  # A directory is as young as the last file that came or went.
  for file in "/etc/systemd/system/$unit" "/etc/systemd/system/$unit.d" "/etc/systemd/system/$unit.d/"*.conf; do
    if [ -n "$started" ] && [ -e "$file" ] && [ "$(stat -c %Y "$file")" -gt "$started" ]; then stale=true; fi
  done
fi

missing=''
for pair in "$@"; do
  PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" >/dev/null || missing="$missing${missing:+, }\"${pair#*=}\""
done

# Other units of this program that are on, so that the removal of one leaves the program to the others.
others=''
for other in steelyard-edge.service steelyard-vip.service; do
  [ "$other" = "$unit" ] && continue
  if systemctl --quiet is-enabled "$other" 2>/dev/null || systemctl --quiet is-active "$other" 2>/dev/null; then
    others="$others${others:+, }\"$other\""
  fi
done

# Configuration that is read along with ours.
beside=''
if [ -d "$reads" ]; then
  for other in "$reads"/*.yaml; do
    if [ -e "$other" ] && [ "$other" != "$config" ]; then beside="$beside${beside:+, }\"$other\""; fi
  done
fi

cat <<END
{
  "installed": "$installed",
  "version": "$version",
  "stamp": "$stamp",
  "is_active": $(yes_no [ "$pid" != 0 ]),
  "is_stale": $stale,
  "has_unit": $(yes_no systemctl cat "$unit"),
  "is_packaged": $(yes_no [ -e "/usr/lib/systemd/system/$unit" ]),
  "has_dropin": $(yes_no [ -e "/etc/systemd/system/$unit.d/ansible.conf" ]),
  "has_settings": $(yes_no [ -e /etc/sysctl.d/60-steelyard.conf ]),
  "has_modules": $(yes_no [ -e /etc/modules-load.d/steelyard.conf ]),
  "missing": [$missing],
  "others": [$others],
  "beside": [$beside]
}
END
