#!/bin/bash
# Prints the path of a Go that is new enough for tools/kubernetes: this machine's if it has one, else Debian's from another
# suite, unpacked into a folder, touching nothing else: fetch-go.sh [FOLDER]
set -euo pipefail
series=1.26
if go version 2>/dev/null | grep -Eq ' go1\.(2[6-9]|[3-9][0-9])'; then
  command -v go
  exit
fi
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/steelyard/go}
mkdir -p "$folder"
cd "$folder"
go=$PWD/root/usr/lib/go-$series/bin/go
if [ ! -x "$go" ]; then
  mkdir -p {lists/partial,cache,root}
  for suite in trixie-backports forky sid; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main"
  done >sources.list
  options=(-q -o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  (cd cache && apt-get "${options[@]}" download "golang-$series-go" "golang-$series-src" >&2)
  for package in cache/*.deb; do dpkg -x "$package" root; done
fi
echo "$go"
