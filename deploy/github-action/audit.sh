#!/usr/bin/env bash
# Runs the audit with the arguments in ARGUMENTS, one on each line, and sets the outputs of the step. The exit code of
# the audit becomes an output, so that the steps after this one can upload the reports. CATEGORY names the audit.
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
"${BINARY:-kubectl-eks_encrypt}" audit ${flags[@]+"${flags[@]}"} \
  --output-file "sarif=$directory/audit.sarif" --output-file "json=$directory/audit.json" \
  --output-file "html=$directory/audit.html" --output-file "markdown=$directory/audit.md" || code=$?
echo "exit-code=$code" >>"$GITHUB_OUTPUT"

if [[ ! -s $directory/audit.sarif ]]; then
  echo "complete=false" >>"$GITHUB_OUTPUT"
  exit 0
fi
# Complete: everything was seen and decided, and nothing of the earlier report of --compare is out of sight.
complete=false
if [[ $code == 0 || $code == 1 ]] && grep -q '"executionSuccessful": true' "$directory/audit.sarif" &&
  ! grep -qE '^ {8}"(lostSight|lostPlaces)": ' "$directory/audit.json"; then
  complete=true
fi
# Each shard is an audit of its own: in one category, each would close the alerts of the others.
category=${CATEGORY:-eks-encrypt}
shard=$(sed -nE 's|^ {8}"shard": "([0-9]+)/([0-9]+)",?$|\1-of-\2|p' "$directory/audit.json")
if [[ -n $shard ]]; then category=$category-shard-$shard; fi
{
  echo "complete=$complete"
  echo "category=$category"
  echo "directory=$directory"
  echo "sarif=$directory/audit.sarif"
  echo "report=$directory/audit.json"
} >>"$GITHUB_OUTPUT"
if [[ $complete == false ]]; then
  echo "::warning::the audit is not complete, so its findings are not uploaded to code scanning"
fi

# rows ROWS: prints the report with at most this many rows of each table, and the number of those that are left out.
rows() {
  awk -v rows="$1" '
    function note() { if (n > rows + 2) printf "\n**%d more rows are in the artifact.**\n", n - rows - 2; n = 0 }
    /^\|/ { if (++n <= rows + 2) print; next }
    { note(); print }
    END { note() }' "$directory/audit.md"
}

# GitHub refuses a summary of more than 1 MiB.
limit=1000000
size() { wc -c <"$directory/summary.md"; }
cp "$directory/audit.md" "$directory/summary.md"
for n in 1000 300 100 30 10; do
  if (($(size) > limit)); then
    {
      printf '**This summary is cut: it has at most %d rows of each table. The artifact has the whole report.**\n\n' "$n"
      rows "$n"
    } >"$directory/summary.md"
  fi
done
if (($(size) > limit)); then
  head -c "$limit" "$directory/summary.md" | sed '$d' >"$directory/shorter.md"
  printf '\n**The rest is cut. The artifact has the whole report.**\n' >>"$directory/shorter.md"
  mv "$directory/shorter.md" "$directory/summary.md"
fi
cat "$directory/summary.md" >>"$GITHUB_STEP_SUMMARY"
rm "$directory/summary.md"
