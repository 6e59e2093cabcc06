#!/usr/bin/env bash
# Installs the Python worker that trains models, with the tested versions of its packages, into .cache/trainer, unless
# they are there already. PYTHON names another interpreter than python3.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.cache/trainer
python=${PYTHON:-python3}
wanted=$(cat trainer/pyproject.toml trainer/constraints.txt | sha256sum | cut -d ' ' -f 1)
[ "$(cat $environment/installed 2>/dev/null)" != "$wanted" ] || exit 0

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || {
  version=$("$python" --version 2>&1 || true)
  echo "The trainer needs Python 3.10 or later; $python is $version. Set PYTHON to another one." >&2
  exit 1
}
"$python" -m venv $environment
$environment/bin/pip install -q --disable-pip-version-check -c trainer/constraints.txt -e 'trainer[dpo,test]'
echo "$wanted" >$environment/installed
