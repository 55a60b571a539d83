# Removes the Debian package and what it wrote; its own script removes from the kernel what a killed service left there.
set -eu
export DEBIAN_FRONTEND=noninteractive
dpkg --purge steelyard </dev/null
