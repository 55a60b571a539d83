# Installs the Debian package $1 and notes its digest $2. Goes back to an older one, too.
set -eu
export DEBIAN_FRONTEND=noninteractive
# The configuration is ours, whatever the package brings.
apt-get install --yes --quiet --no-install-recommends --reinstall --allow-downgrades --allow-change-held-packages \
  -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$1" </dev/null
version=$(dpkg-query --show --showformat='${Version}' steelyard)
mkdir -p /var/lib/steelyard
printf '%s %s\n' "$2" "$version" >/var/lib/steelyard/ansible
rm -f -- "$1"
