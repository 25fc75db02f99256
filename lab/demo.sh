#!/usr/bin/env bash
# The tour: a fresh local EKS, what the plugin says of it, an association made on
# the wire, what the plugin says then, and what etcd really holds each time.
set -euo pipefail
cd "$(dirname "$0")/.."
DIR=${EKS_LAB_DIR:-$PWD/.demo}
export PATH="$PWD/bin:$PATH"

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
run() { printf '\033[36m$ %s\033[0m\n' "$*"; "$@"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || { say() { printf '\n# %s\n' "$*"; }; run() { printf '$ %s\n' "$*"; "$@"; }; }

command -v kubectl >/dev/null || { echo "error: kubectl is not on PATH" >&2; exit 1; }
say "A fresh local EKS: etcd, kube-apiserver and AWS endpoints on 127.0.0.1 alone"
run eks-lab down --dir "$DIR" --purge
run eks-lab up --dir "$DIR"
eval "$(eks-lab env --dir "$DIR")"
run eks-lab seed --dir "$DIR" --secrets 200 --size 1024 --namespaces 4

say "As EKS makes every cluster from Kubernetes 1.28 on: encrypted, with a key that AWS owns"
run kubectl eks-encrypt status
before=$(kubectl eks-encrypt status -o jsonpath='{.encryption.verdict}')
run eks-lab scan --dir "$DIR"

say "An association with a customer key, made on the wire"
key=$(eks-lab status --dir "$DIR" -o json | sed -n 's/.*"keyArn": *"\([^"]*\)".*/\1/p')
run eks-lab associate --dir "$DIR" --key "$key"

say "The verdict now: with your key. Secrets written before still stand under the old one"
run kubectl eks-encrypt status
after=$(kubectl eks-encrypt status -o jsonpath='{.encryption.verdict} {.encryption.keyArn}')
run eks-lab scan --dir "$DIR"

[[ $before == AWSOwnedKey && $after == "CustomerManagedKey $key" ]] || {
  echo "error: expected AWSOwnedKey and then CustomerManagedKey with $key, got: $before, then $after" >&2
  exit 1
}
say "Go on by hand"
cat <<EOF
  export PATH="$PWD/bin:\$PATH"
  eval "\$(eks-lab env --dir $DIR)"
  kubectl eks-encrypt --help

Stop it:
  eks-lab down --dir $DIR --purge
EOF
