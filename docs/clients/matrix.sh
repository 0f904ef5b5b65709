#!/bin/sh
# Every client against every case, and the pages about it: docs/clients/matrix.md, docs/clients/found and
# docs/clients/facts.md. The clients are installed into the folder that is given, each by itself and at the version that
# conformance/clientfuzz/clients.py names; what they came to is kept there, and not asked for again. Needs a checkout with
# its `test` extra, node 20 or later and npm, and an hour.
#
#     docs/clients/matrix.sh FOLDER
set -eu
folder=${1:?"usage: matrix.sh FOLDER"}
docs=$(cd "$(dirname "$0")" && pwd)
cd "$docs/../.."
python=${STREAMSPEC_PYTHON:-.venv/bin/python}
"$python" -m conformance.clientfuzz.matrix "$folder" "$docs"
"$python" -m tests.clientfuzz.facts "$folder" > "$folder/facts.md"
mv "$folder/facts.md" "$docs/facts.md"
