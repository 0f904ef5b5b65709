#!/bin/sh
# Every quick start of docs/test-a-client.md against a mock of its own. What it needs is installed into the folder that
# is given, and nowhere else; `streamspec`, `python3`, `node` and `npm` have to be there.
#
#     docs/clients/run.sh FOLDER
set -eu
folder=${1:?"usage: run.sh FOLDER"}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder" && cd "$folder"

# LiteLLM has a place of its own: it wants an older openai, for which pip would look for hours
for place in python litellm; do [ -d $place ] || python3 -m venv $place; done
python/bin/pip install --quiet openai langchain-openai
litellm/bin/pip install --quiet litellm
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund openai ai @ai-sdk/openai-compatible
cp "$here"/*.mjs . # node looks for packages beside the script

streamspec mock --port 0 > mock.log 2>&1 &
mock=$!
trap 'kill $mock' EXIT
for _ in $(seq 100); do grep -qs '^mock server on' mock.log && break; sleep 0.1; done
OPENAI_BASE_URL=$(sed -n 's/^mock server on \([^ ]*\).*/\1/p' mock.log)
export OPENAI_BASE_URL OPENAI_API_KEY=any

bad=0
check() {
    name=$1
    shift
    said=$("$@") || said="(failed)"
    if [ "$said" = "Hi there!" ]; then echo "ok    $name"; else echo "BAD   $name: $said"; bad=1; fi
}
check "openai (Python)" python/bin/python "$here/with_openai.py"
check "LangChain" python/bin/python "$here/with_langchain.py"
check "LiteLLM" litellm/bin/python "$here/with_litellm.py"
check "openai (JavaScript)" node with-openai.mjs
check "Vercel AI SDK" node with-ai-sdk.mjs
exit $bad
