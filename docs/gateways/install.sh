#!/usr/bin/env bash
# Installs the gateways that tests/gateways starts: docs/gateways/install.sh FOLDER [NAME...], all of them by default.
# nginx and haproxy are Debian packages (as root, or with sudo that asks for no password); what comes from PyPI and npm
# goes into FOLDER, each in an environment of its own, in the version that docs/gateways.md has figures of. Another
# version: LITELLM=1.107.0 docs/gateways/install.sh FOLDER litellm. What is there already is left as it is.
set -euo pipefail

ALL="nginx haproxy sglang-router vllm-router litellm portkey"
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [NAME...], names: $ALL" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- $ALL

fail() { echo "$0: $*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

from_debian() {
  PATH=$PATH:/usr/sbin command -v "$1" >/dev/null && return
  command -v apt-get >/dev/null || fail "$1: no apt-get on this system; install $1 in its own way"
  as_root true 2>/dev/null || fail "$1: apt-get needs root, or sudo without a password"
  # Debian starts what it installs; 101 is how this file says not to
  local policy=/usr/sbin/policy-rc.d made=
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null; as_root chmod +x $policy; made=1; }
  local status=0
  { as_root apt-get -qq update && as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install --yes --no-install-recommends "$1"; } >"$folder/$1.log" 2>&1 || status=$?
  [ -z "$made" ] || as_root rm -f $policy
  [ $status = 0 ] || { tail -n 5 "$folder/$1.log" >&2; fail "$1: apt-get failed; all it said is in $folder/$1.log"; }
}

from_pypi() { # name, what pip is given
  [ -x "$folder/$1/bin/$1" ] && return
  "${PYTHON:-python3}" -m venv "$folder/$1" || fail "$1: no environment could be made; PYTHON names another Python"
  "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "$2" >"$folder/$1.log" 2>&1 ||
    { tail -n 5 "$folder/$1.log" >&2; fail "$1: pip install $2 failed; all it said is in $folder/$1.log"; }
}

from_npm() { # name, package@version, the command it brings, a package.json
  [ -x "$folder/$1/node_modules/.bin/$3" ] && return
  command -v npm >/dev/null || fail "$1: no npm; install Node.js 18 or later"
  mkdir -p "$folder/$1"
  echo "$4" >"$folder/$1/package.json"
  npm install --silent --no-fund --no-audit --prefix "$folder/$1" "$2" >"$folder/$1.log" 2>&1 ||
    { tail -n 5 "$folder/$1.log" >&2; fail "$1: npm install $2 failed; all it said is in $folder/$1.log"; }
}

for name in "$@"; do
  case $name in
    nginx | haproxy) from_debian "$name" ;;
    sglang-router) from_pypi "$name" "sglang-router==${SGLANG_ROUTER:-0.3.2}" ;;
    vllm-router) from_pypi "$name" "vllm-router==${VLLM_ROUTER:-0.1.17}" ;;
    litellm) from_pypi "$name" "litellm[proxy]==${LITELLM:-1.106.2}" ;;
    # with @hono/node-server 1.19.19, which npm takes by itself, it answers every request with 500 (headers "immutable")
    portkey) from_npm "$name" "@portkey-ai/gateway@${PORTKEY:-1.15.2}" gateway \
      '{"overrides": {"@hono/node-server": "1.14.1"}}' ;;
    *) fail "no gateway is called $name; names: $ALL" ;;
  esac
  echo "$name is here"
done
echo "Next: export STREAMSPEC_GATEWAYS=$folder and python -m tests.gateways lists them with their versions."
