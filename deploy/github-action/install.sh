#!/usr/bin/env bash
# Downloads the release that plugins/krew.yaml names, for this runner, and verifies its checksum.
set -euo pipefail
manifest=$GITHUB_ACTION_PATH/../../plugins/krew.yaml

case $RUNNER_OS in
  Linux) os=linux ;;
  macOS) os=darwin ;;
  *) echo "::error::no release for $RUNNER_OS runners in this action; set the input binary"; exit 2 ;;
esac
case $RUNNER_ARCH in
  X64) arch=amd64 ;;
  ARM64) arch=arm64 ;;
  *) echo "::error::no release for $RUNNER_ARCH runners; set the input binary"; exit 2 ;;
esac

uri=$(sed -nE "s|^ *uri: *(https://.*_${os}_${arch}\.tar\.gz)$|\1|p" "$manifest")
sum=$(grep -A1 -F "uri: $uri" "$manifest" | sed -nE 's/^ *sha256: *([0-9a-f]{64})$/\1/p')
if [[ -z $uri || -z $sum ]]; then
  echo "::error::$manifest has no archive for $os/$arch"
  exit 2
fi

directory=$RUNNER_TEMP/eks-encrypt-bin
mkdir -p "$directory"
curl --fail --silent --show-error --location --retry 3 --output "$directory/archive.tar.gz" "$uri"
if command -v sha256sum >/dev/null; then
  echo "$sum  $directory/archive.tar.gz" | sha256sum --check --quiet
else
  echo "$sum  $directory/archive.tar.gz" | shasum -a 256 --check --quiet
fi
tar -xzf "$directory/archive.tar.gz" -C "$directory" kubectl-eks_encrypt
rm "$directory/archive.tar.gz"
echo "$directory" >>"$GITHUB_PATH"
