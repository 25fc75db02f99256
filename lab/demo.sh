#!/usr/bin/env bash
# Starts a new local EKS, shows the plugin's status report and the content of etcd,
# associates a customer key, and shows both again.
set -euo pipefail
cd "$(dirname "$0")/.."
DIR=${EKS_LAB_DIR:-$PWD/.demo}
export PATH="$PWD/bin:$PATH"

bold='' blue='' reset=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\033[1m' blue=$'\033[36m' reset=$'\033[0m'; fi
title() { printf '\n%s# %s%s\n' "$bold" "$*" "$reset"; }
run() { printf '%s$ %s%s\n' "$blue" "$*" "$reset"; "$@"; }

command -v kubectl >/dev/null || { echo "error: kubectl is not on PATH" >&2; exit 1; }
title "Start a new local EKS: etcd, kube-apiserver and AWS endpoints, only on 127.0.0.1"
run eks-lab down --dir "$DIR" --purge
run eks-lab up --dir "$DIR"
eval "$(eks-lab env --dir "$DIR")"
run eks-lab seed --dir "$DIR" --secrets 200 --size 1024 --namespaces 4

title "Like every EKS cluster from Kubernetes 1.28 on, it is encrypted with a key that AWS owns"
run kubectl eks-encrypt status
before=$(kubectl eks-encrypt status -o jsonpath='{.encryption.verdict}')
run eks-lab scan --dir "$DIR"

title "Associate a customer key through the EKS API"
run eks-lab associate --dir "$DIR" --key "$EKS_LAB_KEY"

title "New data is now encrypted with the customer key, existing secrets still with the old one"
run kubectl eks-encrypt status
after=$(kubectl eks-encrypt status -o jsonpath='{.encryption.verdict} {.encryption.keyArn}')
run eks-lab scan --dir "$DIR"

[[ $before == AWSOwnedKey && $after == "CustomerManagedKey $EKS_LAB_KEY" ]] || {
  echo "error: expected AWSOwnedKey, then CustomerManagedKey $EKS_LAB_KEY; got $before, then $after" >&2
  exit 1
}
title "Continue by hand"
cat <<EOT
  export PATH="$PWD/bin:\$PATH"
  eval "\$(eks-lab env --dir $DIR)"
  kubectl eks-encrypt --help

Stop the lab and remove it:
  eks-lab down --dir $DIR --purge
EOT
