#!/usr/bin/env bash
# Bundles transformers.js into the build, with the licenses of what is in it and without the image and browser
# libraries that its npm package depends on.
set -euo pipefail
cd "$(dirname "$0")/../.."
output=dist/models/onnx
stand_ins=$(realpath "$output/transformers-stand-ins.js")
node_modules/.bin/esbuild @huggingface/transformers --bundle --platform=node --format=esm --target=node20 \
  --log-level=warning --outfile="$output/transformers-bundle.js" --external:"$(realpath "$output/runtime.js")" \
  --alias:sharp="$stand_ins" --alias:onnxruntime-common="$stand_ins" --alias:module="$stand_ins" \
  --banner:js='// transformers.js, bundled and changed for betr: see transformers-bundle.LICENSES.txt'
cat models/onnx/transformers-bundle.NOTICE.txt node_modules/@huggingface/{transformers,jinja}/LICENSE \
  > "$output/transformers-bundle.LICENSES.txt"
