#!/usr/bin/env bash
# Compiles what has changed since the last build into dist/: the product, its tests, the page, and WebAssembly.
# With "types", the package's declarations, too, which no test needs.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist/server/page

# Output of a deleted or renamed source would still run, or ship.
find dist -type f \( -name '*.js' -o -name '*.d.ts' -o -name '*.wasm' -o -path 'dist/server/page/*' \) |
  while read -r output; do
    source=${output#dist/}
    case $source in
      models/onnx/transformers-bundle.js | *.map) continue ;;
      *.js) source=${source%.js}.ts ;;
      *.d.ts) [ -f "$source" ] || source=${source%.d.ts}.ts ;;
      *.wasm) source=${source%.wasm}.as.ts ;;
    esac
    [ -f "$source" ] || rm -f "$output" "$output.map"
  done

# Whether a file is missing or older than one that it is made from.
outdated() {
  local output=$1 source
  for source in "${@:2}" package-lock.json; do
    [ "$output" -nt "$source" ] || return 0
  done
  return 1
}

tsc -p server/page &
page=$!
tsc -p .
wait "$page"
cp server/page/*.html server/page/*.css server/page/*.svg dist/server/page/
chmod +x dist/cli/betr.js
if [ "${1:-}" = types ]; then tsc -p tsconfig.types.json; fi

bundle=models/onnx/transformers-bundle
if outdated "dist/$bundle.js" "$bundle.sh" models/onnx/transformers-stand-ins.ts; then "$bundle.sh"; fi

for source in $(find . -name '*.as.ts' -not -path '*/node_modules/*' -not -path './.*' -not -path './dist/*'); do
  output=dist/${source#./}
  output=${output%.as.ts}.wasm
  if outdated "$output" "$source" scripts/build.sh; then
    # Initial memory in pages of 64 KiB: the leak search keeps its table there.
    pages=$([[ $source == */leaks/find.as.ts ]] && echo 64 || echo 4)
    asc "$source" -o "$output" -O3 --noAssert --runtime stub --enable simd --initialMemory "$pages"
  fi
done
