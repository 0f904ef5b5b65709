"""Gateways made for language models: two routers, LiteLLM and Portkey. Too large to be part of every test run."""

from pathlib import Path

from .program import FOLDER, Program, free_port

INSTALL = "docs/gateways/install.sh FOLDER {name}, then export STREAMSPEC_GATEWAYS=FOLDER"
SAY_VERSION = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
LITELLM = """\
model_list:
  - model_name: "*"
    litellm_params:
      model: openai/*
      api_base: {upstream}/v1
      api_key: none
"""


def _litellm(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
    Path(folder, "config.yaml").write_text(LITELLM.format(upstream=upstream))
    return "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)


def _portkey(_: str, port: int, __: Path) -> tuple[str, ...]:
    return f"--port={port}", "--headless"


def _installed(name: str) -> tuple[str, ...]:
    return f"{name}/bin/python", "-c", SAY_VERSION, name


def _router(kind: str, name: str, says: str, before: tuple[str, ...], after: tuple[str, ...]) -> Program:
    def command(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
        where = ("--worker-urls", upstream, "--host", "127.0.0.1", "--port", str(port))
        return *before, *where, "--prometheus-port", str(free_port()), *after

    install = INSTALL.format(name=kind)
    return Program(name, says, f"{kind}/bin/{kind}", command, _installed(kind), install, seconds=60)


SGLANG = _router("sglang-router", "sglang-router", "one worker, as it comes", ("launch",), ())
VLLM = _router("vllm-router", "vllm-router", "one worker, as it comes: --policy cache_aware", (), ())
VLLM_ROBIN = _router("vllm-router", "vllm-router-robin", "--policy round_robin", (), ("--policy", "round_robin"))
LITE = Program(
    "litellm",
    "every model handed on, as it comes",
    "litellm/bin/litellm",
    _litellm,
    _installed("litellm"),
    INSTALL.format(name="litellm"),
    seconds=90,
    env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"},
)
PORTKEY = Program(
    "portkey",
    "as it comes; the upstream is named in headers",
    "portkey/node_modules/.bin/gateway",
    _portkey,
    ("node", "-p", f"require('{FOLDER}/portkey/node_modules/@portkey-ai/gateway/package.json').version"),
    INSTALL.format(name="portkey"),
    headers={"x-portkey-provider": "openai", "x-portkey-custom-host": "{upstream}/v1"},
)
ALL = (SGLANG, VLLM, VLLM_ROBIN, LITE, PORTKEY)
