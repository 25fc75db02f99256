#!/usr/bin/env bash
# size.sh BINARY LIMIT fails if the stripped binary has more than LIMIT bytes. It also
# compares the time of `version` and `--help` with the time that kubectl takes for its
# own; the aim is half of it. Times differ from run to run, so they never fail the check.
# Plugin and kubectl run in turn; the medians are compared, so that the speed of the
# machine does not matter.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:$PWD/bin/tools"
binary=$1 limit=$2 runs=15 code=0
command -v kubectl >/dev/null || { echo "error: kubectl is neither on PATH nor in bin/tools" >&2; exit 2; }

bytes=$(wc -c <"$binary")
printf '%s: %d bytes (limit %d)\n' "$binary" "$bytes" "$limit"
((bytes <= limit)) || { echo "error: the binary is too large" >&2; code=1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
measure() { # FILE COMMAND…: appends the time of one run, in microseconds
  local begin=${EPOCHREALTIME/[.,]/}
  "${@:2}" >/dev/null
  echo $((${EPOCHREALTIME/[.,]/} - begin)) >>"$1"
}
median() { sort -n "$1" | sed -n "$(((runs + 1) / 2))p"; }
compare() { # NAME PLUGIN-ARGUMENTS KUBECTL-ARGUMENTS
  local plugin kubectl
  for _ in $(seq "$runs"); do
    measure "$tmp/plugin$1" "$binary" $2
    measure "$tmp/kubectl$1" kubectl $3
  done
  plugin=$(median "$tmp/plugin$1") kubectl=$(median "$tmp/kubectl$1")
  printf '%s: %d ms, kubectl %s: %d ms (medians of %d): %d %% (aim 50 %%)\n' "$1" \
    $((plugin / 1000)) "$3" $((kubectl / 1000)) "$runs" $((plugin * 100 / kubectl))
}
compare version version 'version --client'
compare --help --help --help
exit $code
