"""Gateways made for language models: two routers, LiteLLM and Portkey. Too large to be part of every test run."""

from pathlib import Path

from .program import FOLDER, Program

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


def _sglang(upstream: str, port: int, _: Path) -> tuple[str, ...]:
    return "launch", "--worker-urls", upstream, "--host", "127.0.0.1", "--port", str(port), "--prometheus-port", "0"


def _vllm(upstream: str, port: int, _: Path) -> tuple[str, ...]:
    return "--worker-urls", upstream, "--host", "127.0.0.1", "--port", str(port), "--prometheus-port", "0"


def _litellm(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
    Path(folder, "config.yaml").write_text(LITELLM.format(upstream=upstream))
    return "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)


def _portkey(_: str, port: int, __: Path) -> tuple[str, ...]:
    return f"--port={port}", "--headless"


def _installed(name: str, package: str) -> tuple[str, ...]:
    return f"{name}/bin/python", "-c", SAY_VERSION, package


SGLANG = Program(
    "sglang-router",
    "one worker, as it comes",
    "sglang-router/bin/sglang-router",
    _sglang,
    _installed("sglang-router", "sglang-router"),
    INSTALL.format(name="sglang-router"),
    seconds=60,
)
VLLM = Program(
    "vllm-router",
    "one worker, as it comes",
    "vllm-router/bin/vllm-router",
    _vllm,
    _installed("vllm-router", "vllm-router"),
    INSTALL.format(name="vllm-router"),
    seconds=60,
)
LITE = Program(
    "litellm",
    "every model handed on, as it comes",
    "litellm/bin/litellm",
    _litellm,
    _installed("litellm", "litellm"),
    INSTALL.format(name="litellm"),
    seconds=90,
    env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
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
ALL = (SGLANG, VLLM, LITE, PORTKEY)
