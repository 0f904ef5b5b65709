"""Every adapter keeps the contract. Those whose client is not installed here run where STREAMSPEC_CLIENTS names the
folder that `python -m conformance.clientfuzz.installing FOLDER` filled."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.clientfuzz.clients import ADAPTERS, CLIENTS, Client
from conformance.clientfuzz.installing import installed
from mockserver import Mock

MODULES = {
    "openai_py.py": "openai",
    "openai_py_async.py": "openai",
    "openai_py_helper.py": "openai",
    "httpx_sse_py.py": "httpx_sse",
    "httpx_lines_py.py": "httpx",
    "aiohttp_lines_py.py": "aiohttp",
}
FOLDER = os.environ.get("STREAMSPEC_CLIENTS")


def command(client: Client) -> tuple[str, ...]:
    if FOLDER:
        return installed(client, Path(FOLDER))
    module = MODULES.get(client.script)
    if module is None or importlib.util.find_spec(module) is None:
        pytest.skip(f"{client.packages[0]} is not installed; STREAMSPEC_CLIENTS=FOLDER installs and tries it")
    return (sys.executable, str(ADAPTERS / client.script))


def told(*command: str, lines: tuple[dict[str, str], ...] = ()) -> list[dict[str, Any]]:
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


clients = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


@clients
def test_asked_once_it_tells_the_answer(client: Client, streamspec_mock: Mock) -> None:
    [said] = told(*command(client), streamspec_mock.base_url, "mock")
    assert ("Hi there!", None) == (said["text"], said["error"])
    assert "stop" == said.get("finish_reason", "stop")
    assert 2 == said.get("usage", {"completion_tokens": 2})["completion_tokens"]
    streamspec_mock.asked(1, stream=True, model="mock")


@clients
def test_case_by_case_it_tells_each_in_order_and_asks_once_for_each(client: Client, streamspec_mock: Mock) -> None:
    models = ("mock#chat/errors/is-object", "mock", "mock#http/framing/last-chunk", "mock")
    cases = tuple({"base_url": streamspec_mock.base_url, "model": model, "case": model} for model in models)
    said = told(*command(client), lines=cases)
    assert ["Hi there!", "Hi there!"] == [said[1]["text"], said[3]["text"]]
    assert [None, None] == [said[1]["error"], said[3]["error"]]
    assert 4 == len(said)
    streamspec_mock.asked(4)


@clients
def test_an_error_is_told_by_class_and_message(client: Client, streamspec_mock: Mock) -> None:
    if client.name == "ai-sdk-text":
        pytest.skip("that way of asking tells no errors; that is what it is there to show")
    streamspec_mock.scenario({"scenario": [{"replies": [{"error": 404}]}]})
    [said] = told(*command(client), streamspec_mock.base_url, "mock")
    assert said["error"]["class"]
    assert said["error"]["message"]
    assert "" == said["text"]


@clients
def test_it_is_no_longer_than_sixty_lines(client: Client) -> None:
    lines = (ADAPTERS / client.script).read_text("utf-8").splitlines()
    assert len(lines) < 60


def test_every_script_is_of_some_client() -> None:
    scripts = {path.name for path in ADAPTERS.iterdir() if path.suffix in (".py", ".mjs")}
    assert scripts == {client.script for client in CLIENTS} | {"reporting.py", "reporting.mjs"}


def test_clients_have_names_of_their_own_and_pinned_versions() -> None:
    assert len(CLIENTS) == len({client.name for client in CLIENTS})
    assert all("==" in package or "@" in package[1:] for client in CLIENTS for package in client.packages)
