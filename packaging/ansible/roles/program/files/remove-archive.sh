# Removes from the kernel what a killed service left there, and what `steelyard install` wrote.
set -eu
/opt/steelyard/current/bin/steelyard clean
/opt/steelyard/current/bin/steelyard uninstall --purge
systemctl daemon-reload
