#!/bin/bash
# Prints a folder with the programs that read what `steelyard manifest` writes, and fetches those that are missing, touching
# nothing else of the machine: fetch.sh [FOLDER]
#
#   ignition-validate   built from the Go module that go.mod names, as is
#   butane
#   quadlet             podman's generator of units, from Debian 13: Debian 12 has a podman that is older than quadlets
#   cloud-init/         cloud-init from Debian 12, unpacked: installed it would configure the machine at its next start
set -euo pipefail
here=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/steelyard/hosts}
mkdir -p "$folder"
cd "$folder"
exec 9>.lock
flock -w 600 9

# built NAME MODULE PACKAGE: a program of a Go module, in the version that go.mod names.
built() {
  local version
  version=$(sed -n "s|.*$2 \(v[^ ]*\).*|\1|p" "$here/go.mod" | head -1)
  if [ ! -x "$1-$version" ]; then
    GO=${GO:-$("$here/../kubernetes/fetch-go.sh")}
    CGO_ENABLED=0 GOWORK=off GOFLAGS= "$GO" build -C "$here" -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w" \
      -o "$PWD/.building" "$2/$3" >&2
    mv .building "$1-$version"
  fi
  ln -sf "$1-$version" "$1"
}
built ignition-validate github.com/coreos/ignition/v2 validate
built butane github.com/coreos/butane internal

if [ ! -x quadlet ] || [ ! -d cloud-init ]; then
  rm -rf apt
  mkdir -p apt/{lists/partial,cache,root}
  for suite in bookworm trixie; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main"
  done >apt/sources.list
  options=(-q -o "Dir::Etc::sourcelist=$PWD/apt/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >&2
  (cd apt/cache && apt-get "${options[@]}" download podman/trixie cloud-init/bookworm >&2)
  for package in apt/cache/*.deb; do dpkg -x "$package" apt/root; done
  rm -rf cloud-init
  mv apt/root/usr/lib/python3/dist-packages cloud-init
  mv apt/root/usr/libexec/podman/quadlet quadlet
  rm -rf apt
fi
echo "$folder"
