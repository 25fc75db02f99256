#!/usr/bin/env bash
# Usage: add.sh 1.31.14. Creates the module for the API server of this version of
# Kubernetes, with the released module of each staging module.
set -euo pipefail
cd "$(dirname "$0")"
version=$1
minor=${version%.*}
# sum.golang.org lacks some of these modules. go.sum holds what was downloaded.
export GONOSUMDB='k8s.io/*' GOFLAGS=-mod=mod

mkdir -p "$minor"
cd "$minor"
ln -sf ../main.go main.go
rm -f go.mod go.sum
go mod init "github.com/eks-encrypt/kubectl-eks_encrypt/lab/versions/$minor"
go mod edit -go=1.26.0
required=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -nE 's/.*"GoMod": "(.*)".*/\1/p')
replaced=$(sed -nE 's/^\t(k8s.io\/[a-z-]+) v0\.0\.0( .*)?$/\1/p' "$required" | sort -u | while read -r module; do
  wanted=v0.${version#1.}
  if ! go list -m "$module@$wanted" >/dev/null 2>&1; then
    # The API server hardly uses these. Take the last version before the wanted one.
    wanted=$( (go list -m -versions "$module" | tr ' ' '\n' | grep -E '^v[0-9.]+$'; echo "$wanted") |
      sort -V | grep -B1 -x "$wanted" | head -1)
  fi
  echo "	$module => $module $wanted"
done)
printf '\nreplace (\n%s\n)\n' "$replaced" >>go.mod
go mod edit -require "k8s.io/kubernetes@v$version"
go mod tidy
