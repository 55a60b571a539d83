#!/bin/bash
# Makes go.mod and go.sum for another version of MetalLB: update.sh 0.16.1
set -euo pipefail
version=$1
cd "$(dirname -- "${BASH_SOURCE[0]}")"
export GOFLAGS=-mod=mod GOWORK=off

{
  echo '// Made by tools/metallb/update.sh: MetalLB'"'"'s controller and speaker, for scripts/kubernetes.ts to build.'
  echo 'module steelyard/tools/metallb'
  echo
  echo 'go 1.26.0'
} >go.mod
rm -f go.sum
go get -tool "go.universe.tf/metallb/controller@v$version" "go.universe.tf/metallb/speaker@v$version"
