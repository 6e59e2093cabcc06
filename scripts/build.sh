#!/usr/bin/env bash
# Compiles what has changed since the last build into dist/: the product and its tests, the page, and WebAssembly.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p dist

# What was compiled from a source that is gone would still run, so it goes too.
find dist \( -name '*.js' -o -name '*.wasm' \) -type f | while read -r output; do
  source=${output#dist/}
  [ "$source" = models/onnx/transformers-bundle.js ] || [ -f "${source%.js}.ts" ] || [ -f "${source%.wasm}.as.ts" ] || rm -f "$output" "$output.map"
done

tsc -p . --incremental --tsBuildInfoFile dist/.tsbuildinfo
tsc -p tsconfig.types.json --incremental --tsBuildInfoFile dist/.types.tsbuildinfo
tsc -p server/page --incremental --tsBuildInfoFile dist/.page.tsbuildinfo
cp server/page/*.html server/page/*.css server/page/*.svg dist/server/page/
chmod +x dist/cli/betr.js
[ dist/models/onnx/transformers-bundle.js -nt package-lock.json ] || models/onnx/transformers-bundle.sh

for source in $(find . -name "*.as.ts" -not -path "*/node_modules/*" -not -path "./.*"); do
  output=dist/${source#./}
  output=${output%.as.ts}.wasm
  [ "$output" -nt "$source" ] && continue
  # Pages of 64 KiB that a module starts with: the leak search holds its table in them.
  pages=$([[ $source == */leaks/find.as.ts ]] && echo 64 || echo 4)
  asc "$source" -o "$output" -O3 --noAssert --runtime stub --enable simd --initialMemory "$pages"
done
