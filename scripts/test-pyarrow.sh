#!/usr/bin/env bash
# Compares the Parquet reader and writer with pyarrow's, installed into an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m venv .cache/pyarrow
.cache/pyarrow/bin/pip install -q pyarrow==26.0.1
npm test -- test/data/parquet/pyarrow
