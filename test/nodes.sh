#!/usr/bin/env bash
# Runs tests on Node 22 and 24, from the npm packages node@22 and node@24 in .cache/nodes: the readers and one full
# run, or the tests that the arguments name (test/nodes.sh test/server; "test" for all). Needs a build.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=("$@")
if [ ${#tests[@]} = 0 ]; then
  tests=(test/data test/leaks test/ranking/rank.test test/ranking/selection/select test/ranking/verify)
  tests+=(test/cli/bad-input test/cli/journey)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
versions=()
for version in ${NODE_VERSIONS:-22 24}; do
  folder=.cache/nodes/$version
  if ! [ -x "$folder/node_modules/node/bin/node" ]; then
    mkdir -p "$folder"
    echo '{}' > "$folder/package.json"
    if ! npm install --prefix "$folder" --no-audit --no-fund --no-package-lock "node@$version" >"$log" 2>&1; then
      cat "$log" >&2
      echo "skipped: Node $version: the npm package node@$version cannot be installed"
      rm -rf "$folder"
      continue
    fi
  fi
  versions+=("$version")
done
others=
for version in "${versions[@]}"; do
  bin=$PWD/.cache/nodes/$version/node_modules/node/bin
  others+=:$bin/node
  echo "tests on Node $("$bin/node" --version): ${tests[*]}"
  PATH=$bin:$PATH "$bin/node" node_modules/jest/bin/jest.js "${tests[@]}" || status=1
done
if [ $# = 0 ] && [ ${#versions[@]} -gt 0 ]; then
  echo "output of Node $(node --version) compared with the others"
  BETR_TEST_NODES=${others#:} node node_modules/jest/bin/jest.js test/cli/nodes || status=1
fi
exit $status
