#!/usr/bin/env bash
# reproducible.sh builds dist/ from HEAD in two clones, in directories of different
# length, and compares the archives, the bill of materials and the krew manifest byte by
# byte. It leaves the first clone's dist/ in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
head=$(git rev-parse HEAD) # once: a commit in the meantime would be another program
trap 'rm -rf "$tmp"' EXIT
for clone in one the/other; do
  git clone -q . "$tmp/$clone"
  git -C "$tmp/$clone" checkout -q "$head"
  echo "== building in $tmp/$clone"
  make -C "$tmp/$clone" dist RELEASE="$RELEASE"
done
(cd "$tmp/one/dist" && sha256sum -c --quiet checksums.txt)
for file in checksums.txt sbom.cdx.json krew/eks-encrypt.yaml; do
  cmp "$tmp/one/dist/$file" "$tmp/the/other/dist/$file"
done
rm -rf dist
cp -r "$tmp/one/dist" dist
echo "both clones built the same bytes:"
cat dist/checksums.txt
