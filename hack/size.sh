#!/usr/bin/env bash
# size.sh BINARY LIMIT: fails when the stripped binary is heavier than LIMIT
# bytes, and prints how long --help and version take (a figure, not a verdict:
# machines differ).
set -euo pipefail
binary=$1 limit=$2
bytes=$(wc -c <"$binary")
printf '%s: %d bytes (limit %d)\n' "$binary" "$bytes" "$limit"
for args in --help version; do
  begin=$(date +%s%N)
  for _ in $(seq 20); do "$binary" $args >/dev/null; done
  printf '%-8s %d.%d ms (mean of 20)\n' "$args" $((($(date +%s%N) - begin) / 20000000)) $((($(date +%s%N) - begin) / 2000000 % 10))
done
((bytes <= limit)) || { echo "too heavy" >&2; exit 1; }
