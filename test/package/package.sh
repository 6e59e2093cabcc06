#!/usr/bin/env bash
# Packs the package, installs it in an empty folder with the npm registry alone, and uses it: on Node 20 and 22 with
# npm 10, and on Node 24 with npm 11 (COMBINATIONS="22:10" selects others). Sources that passed before are skipped;
# remove .cache/package to repeat the test.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
store=$root/.cache/package
tools=$root/.cache/nodes
mkdir -p "$store"
sources=$(git ls-files -z --cached --others --exclude-standard | xargs -0 sha256sum 2>/dev/null | sha256sum |
  cut -c1-16)
passed=$store/passed-$sources
if [ -f "$passed" ]; then
  echo "skipped: these sources passed before ($passed)"
  exit 0
fi
if ! timeout 60 npm view npm@10 version --fetch-retries 0 >/dev/null 2>&1; then
  echo 'skipped: the npm registry cannot be reached'
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s (%d s)\n' "$1" "$SECONDS"; }
# Runs a command and shows its output only if it fails.
quietly() {
  "$@" >"$work/log" 2>&1 && return
  cat "$work/log" >&2
  echo "failed: $*" >&2
  exit 1
}
# Installs npm packages into a folder of $tools, unless they are there.
tool() {
  [ ! -d "$tools/$1/node_modules" ] || return 0
  mkdir -p "$tools/$1"
  echo '{}' >"$tools/$1/package.json"
  quietly npm install --prefix "$tools/$1" --no-audit --no-fund --no-package-lock "${@:2}"
}

# A clean checkout, without the output of earlier builds.
mkdir "$work/checkout"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -f "$file" ]; then cp --parents "$file" "$work/checkout"; fi
done
ln -s "$root/node_modules" "$work/checkout/node_modules"
(cd "$work/checkout" && quietly npm pack --pack-destination "$work")
mv "$work"/betr-*.tgz "$work/betr.tgz"
mkdir "$work/unpacked"
tar -xzf "$work/betr.tgz" -C "$work/unpacked" --strip-components=1
(cd "$work/checkout" && node dist/test/package/check-files.js "$work/unpacked")
say "packed: $(du -k "$work/betr.tgz" | cut -f1) kB"

# Only the registry can be reached.
registry=$(node -p 'new URL(process.argv[1]).hostname' "$(npm config get registry)")
if [ -z "${HTTPS_PROXY:-}${https_proxy:-}${HTTP_PROXY:-}${http_proxy:-}" ]; then
  export HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 GLOBAL_AGENT_HTTPS_PROXY=http://127.0.0.1:9
  export NO_PROXY="$registry,127.0.0.1,localhost"
fi
export BETR_CACHE=$work/cache

for combination in ${COMBINATIONS:-20:10 22:10 24:11}; do
  node=${combination%:*} npm=${combination#*:}
  tool "$node" "node@$node"
  tool "npm-$npm" "npm@$npm"
  (
    export PATH="$tools/npm-$npm/node_modules/.bin:$tools/$node/node_modules/node/bin:$PATH"
    folder=$work/user-$node
    mkdir "$folder"
    cd "$folder"
    echo '{"name": "user", "private": true, "type": "module"}' >package.json
    before=$SECONDS
    quietly npm install --no-audit --no-fund "$work/betr.tgz"
    megabytes=$(du -sm node_modules | cut -f1)
    echo "Node $(node --version), npm $(npm --version): installed in $((SECONDS - before)) s, $megabytes MB"
    for absent in onnxruntime-node onnxruntime-web sharp @img @huggingface; do
      if [ -e "node_modules/$absent" ]; then
        echo "$absent is installed" >&2
        exit 1
      fi
    done
    [ "$(npx betr --version)" = "$(node -p 'require("betr/package.json").version')" ]
    quietly npx betr init
    node "$work/checkout/dist/test/package/make-corpus.js" .
    quietly npx betr run
    npx betr cutoff --budget 1e21 --json >answer.json
    # The example in docs/library.md runs and type-checks.
    sed -n '/^```ts$/,/^```$/p' "$root/docs/library.md" | grep -v '^```' >example.ts
    cp example.ts example.js
    node example.js >example.txt
    grep -q '^keep .* of the tokens' example.txt
    quietly node "$root/node_modules/typescript/bin/tsc" --noEmit --strict --target es2023 --module nodenext example.ts
    rm example.js
  )
  say "Node $node, npm $npm: installed, ran and imported"
done
[ "$(ls "$BETR_CACHE/npm" | grep -c onnxruntime)" = 1 ]

# Offline: the error says what is missing, and an ONNX Runtime installed next to betr is used.
(
  cd "$work/user-$node"
  export PATH="$tools/npm-$npm/node_modules/.bin:$tools/$node/node_modules/node/bin:$PATH"
  export BETR_MODEL="$(echo "$BETR_CACHE"/npm/@plurnk*/model)"
  rm -rf run
  code=0
  offline=(env BETR_CACHE="$work/empty" npm_config_registry=http://127.0.0.1:9 npm_config_fetch_retries=0)
  "${offline[@]}" npx betr run >offline.txt 2>&1 || code=$?
  unavailable='The npm package onnxruntime-node@.* cannot be fetched: .* \[NPM_PACKAGE_UNAVAILABLE\]$'
  if [ $code != 1 ] || ! grep -q "$unavailable" offline.txt; then
    cat offline.txt >&2
    exit 1
  fi
  runtime=$(grep -o 'onnxruntime-node@[0-9.]*' offline.txt | head -1)
  quietly npm install --ignore-scripts --no-audit --no-fund "$runtime"
  quietly "${offline[@]}" npx betr run
  [ ! -e "$work/empty/npm" ] || [ -z "$(ls -A "$work/empty/npm")" ]
)
say 'offline: the error names the package, and betr runs with an installed ONNX Runtime'
touch "$passed"
