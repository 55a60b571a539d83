#!/bin/bash
# Unpacks nftlb and its libraries from a newer Debian suite into a folder, touching nothing else: fetch-nftlb.sh FOLDER
# The last line is how to run it.
set -euo pipefail
folder=$1
mkdir -p "$folder"/{lists/partial,cache,root}
cd "$folder"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >sources.list
options=(-q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=-
  -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update >&2
mapfile -t packages < <(apt-cache "${options[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts \
  --no-breaks --no-replaces --no-enhances nftlb | grep '^[a-z]' | grep -v '^debconf' | sort -u)
(cd cache && apt-get "${options[@]}" download "${packages[@]}" >&2)
for package in cache/*.deb; do dpkg -x "$package" root; done
echo "$folder/root/usr/lib64/ld-linux-x86-64.so.2 --library-path $folder/root/usr/lib/x86_64-linux-gnu $folder/root/usr/sbin/nftlb"
