#!/usr/bin/env bash
# Builds the archives of HEAD in two clones, in folders of different length and with
# the caches shared, and compares their checksums. Leaves those of the first in dist/.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
head=$(git rev-parse HEAD) # once: a commit made meanwhile is another program
trap 'rm -rf "$tmp"' EXIT
for clone in one the/other; do
  git clone -q . "$tmp/$clone"
  git -C "$tmp/$clone" checkout -q "$head"
  echo "== building in $tmp/$clone"
  make -C "$tmp/$clone" dist RELEASE="$RELEASE"
done
(cd "$tmp/one/dist" && sha256sum -c --quiet checksums.txt)
for file in checksums.txt sbom.cdx.json; do
  cmp "$tmp/one/dist/$file" "$tmp/the/other/dist/$file"
done
rm -rf dist
cp -r "$tmp/one/dist" dist
echo "the same bytes from two clones:"
cat dist/checksums.txt
