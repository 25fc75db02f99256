#!/usr/bin/env bash
# vuln.sh TOOL@VERSION runs govulncheck on the plugin. It exits with 3 if the vulnerability
# database cannot be reached, because then nothing was checked.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(GOFLAGS= go run "$1" ./cmd/... ./pkg/... 2>&1)
code=$?
echo "$out"
unreachable='vuln\.go\.dev.*(no such host|connection refused|timeout|unreachable|Forbidden)|fetching vulnerabilities'
if ((code != 0)) && grep -qE "$unreachable" <<<"$out"; then
  echo "error: cannot reach the vulnerability database https://vuln.go.dev: nothing was checked" >&2
  exit 3
fi
exit $code
