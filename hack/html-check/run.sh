#!/usr/bin/env bash
# run.sh: checks the HTML report in a browser. It installs nothing, but reports
# what is missing. It writes screenshots and a PDF to bin/html-check.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=bin/html-check
missing=0
need() { echo "missing: $1 ($2)" >&2; missing=1; }
command -v node >/dev/null || need node "Debian: apt-get install nodejs npm"
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[[ -n $chromium ]] || need chromium "Debian: apt-get install chromium; or set CHROMIUM"
[[ -d hack/html-check/node_modules/playwright-core && -d hack/html-check/node_modules/axe-core ]] ||
  need "playwright-core and axe-core" "npm ci --ignore-scripts --prefix hack/html-check"
((missing == 0)) || exit 1
mkdir -p "$out/hostile" "$out/sizes"
rm -f "$out"/{hostile,sizes}/*.html
go test ./pkg/fleet/report -run '^TestHostileValues$' -count=1 -pages "$PWD/$out/hostile"
go test ./pkg/fleet/report -run '^TestPageSizes$' -count=1 -pages "$PWD/$out/sizes"
node hack/html-check/check.mjs "$chromium" "$out" pkg/fleet/report/testdata/report.html "$out/sizes" "$out/hostile"
