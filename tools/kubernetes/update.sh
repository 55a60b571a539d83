#!/bin/bash
# Makes go.mod and go.sum for another version of Kubernetes: update.sh 1.36.3
#
# k8s.io/kubernetes refers to its staging modules by folders that only its own repository has; here each is replaced by
# the module that is published for that release under the same name, v0.36.3 for v1.36.3.
set -euo pipefail
version=$1
cd "$(dirname -- "${BASH_SOURCE[0]}")"
export GOFLAGS=-mod=mod GOWORK=off

upstream=$(cd / && go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",\?$/\1/p')
staging=$(sed -n 's|^\t\(k8s\.io/[a-z-]*\) => \./staging/.*|\1|p; s|^\t\(k8s\.io/[a-z-]*\) v0\.0\.0$|\1|p' "$upstream" | sort -u)
[ -n "$staging" ]

{
  echo '// Made by tools/kubernetes/update.sh: the programs of a Kubernetes control plane, for scripts/kubernetes.ts to build.'
  echo 'module steelyard/tools/kubernetes'
  echo
  grep -E '^(go|godebug) ' "$upstream"
  echo
  echo "require k8s.io/kubernetes v$version"
  echo
  echo 'replace ('
  for module in $staging; do printf '\t%s => %s v0.%s\n' "$module" "$module" "${version#*.}"; done
  echo ')'
  echo
  echo 'tool ('
  for program in kube-apiserver kube-proxy kubectl kubeadm; do printf '\tk8s.io/kubernetes/cmd/%s\n' "$program"; done
  echo ')'
} >go.mod
rm -f go.sum
go mod tidy
# The store that this release is tested with.
go get -tool "go.etcd.io/etcd/server/v3@$(go list -m -f '{{.Version}}' go.etcd.io/etcd/client/v3)"
go mod tidy
