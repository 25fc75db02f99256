#!/usr/bin/env bash
# Runs the audit with the arguments in ARGUMENTS, one on each line, and sets the outputs of the step. The exit code of
# the audit becomes an output, so that the steps after this one can upload the reports.
set -euo pipefail

directory=$RUNNER_TEMP/eks-encrypt-reports
rm -rf "$directory"
mkdir -p "$directory"

flags=()
while IFS= read -r line; do
  line=${line#"${line%%[![:space:]]*}"}
  line=${line%"${line##*[![:space:]]}"}
  if [[ -n $line ]]; then flags+=("$line"); fi
done <<<"$ARGUMENTS"

code=0
"${BINARY:-kubectl-eks_encrypt}" audit "${flags[@]}" \
  --output-file "sarif=$directory/audit.sarif" --output-file "json=$directory/audit.json" \
  --output-file "html=$directory/audit.html" --output-file "markdown=$directory/audit.md" || code=$?
echo "exit-code=$code" >>"$GITHUB_OUTPUT"

if [[ ! -s $directory/audit.sarif ]]; then
  echo "complete=false" >>"$GITHUB_OUTPUT"
  exit 0
fi
complete=false
if grep -q '"executionSuccessful": true' "$directory/audit.sarif"; then complete=true; fi
{
  echo "complete=$complete"
  echo "directory=$directory"
  echo "sarif=$directory/audit.sarif"
  echo "report=$directory/audit.json"
} >>"$GITHUB_OUTPUT"
if [[ $complete == false ]]; then
  echo "::warning::the audit is not complete, so its findings are not uploaded to code scanning"
fi

# GitHub refuses a summary of more than 1 MiB.
limit=1000000
if (($(wc -c <"$directory/audit.md") <= limit)); then
  cat "$directory/audit.md" >>"$GITHUB_STEP_SUMMARY"
else
  head -c "$limit" "$directory/audit.md" | sed '$d' >>"$GITHUB_STEP_SUMMARY"
  printf '\n**This summary is cut. The artifact has the whole report.**\n' >>"$GITHUB_STEP_SUMMARY"
fi
