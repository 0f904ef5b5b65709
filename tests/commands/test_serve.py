"""`streamspec serve`: what it says where it cannot serve. That it serves, the reference server's tests show."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from conformance.cli import main
from mockserver.reference import opening


class Refusing:
    """AsyncLLM and AsyncEngineArgs in one: refuses, and remembers of what."""

    asked: dict[str, Any]

    def __call__(self, **arguments: Any) -> "Refusing":
        self.asked = arguments
        return self

    def from_engine_args(self, arguments: Any) -> Any:
        raise RuntimeError("no room")


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """A vLLM that is installed and takes no model."""
    made = Refusing()
    members: dict[str, dict[str, Any]] = {
        "vllm": {},
        "vllm.v1.engine.async_llm": {"AsyncLLM": made},
        "vllm.engine.arg_utils": {"AsyncEngineArgs": made},
        "vllm.sampling_params": {},
        "vllm.v1.metrics.reader": {"get_metrics_snapshot": list},
    }
    for name, known in members.items():
        module = ModuleType(name)
        vars(module).update(known)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(opening, "find_spec", lambda name: SimpleNamespace(name=name))
    return made


def serve(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["serve", "--port", "0", *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize(("engine", "extra"), [("torch", "engine"), ("vllm", "vllm")])
def test_without_its_packages_it_says_how_to_install_them(
    engine: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    code, said = serve("--engine", engine)
    assert 2 == code
    assert f"pip install 'streamspec[{extra}]'" in said


@pytest.mark.parametrize("option", [("--mode", "constant"), ("--device", "cuda:1")])
def test_an_option_that_vllm_has_not_is_named(option: tuple[str, str], vllm: Refusing) -> None:
    code, said = serve("--engine", "vllm", *option)
    assert 2 == code
    assert " ".join(option) in said


def test_options_reach_vllm_by_its_names_and_what_it_says_is_said(vllm: Refusing, tmp_path: Path) -> None:
    options = ("--rows", "8", "--context", "99", "--precision", "float32", "--mode", "fast")
    code, said = serve("--engine", "vllm", *options, "--vllm", "enforce_eager=true", "--vllm", "tokenizer_mode=slow")
    assert 2 == code
    assert "no room" in said
    wanted = {"max_num_seqs": 8, "max_model_len": 99, "dtype": "float32", "enforce_eager": True}
    assert wanted | {"tokenizer_mode": "slow"} == {
        name: value for name, value in vllm.asked.items() if name in (*wanted, "tokenizer_mode")
    }
    assert str(opening.SHIPPED) == vllm.asked["model"]


@pytest.mark.parametrize("argument", ["enforce_eager", "=1", "a b=1"])
def test_an_argument_that_is_none_is_named_with_what_to_write(argument: str) -> None:
    code, said = serve("--engine", "vllm", "--vllm", argument)
    assert 2 == code
    assert "NAME=VALUE" in said


def test_what_is_given_twice_is_an_error(vllm: Refusing) -> None:
    code, said = serve("--engine", "vllm", "--vllm", "model=x")
    assert 2 == code
    assert "'model'" in said


def test_arguments_of_vllm_are_for_vllm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: SimpleNamespace(name=name))
    code, said = serve("--vllm", "enforce_eager=true")
    assert 2 == code
    assert "enforce_eager" in said


def test_a_port_in_use_is_told_before_a_model_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "opened", lambda *_: pytest.fail("a model was opened"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = serve("--port", str(taken.getsockname()[1]))
    assert 2 == code
    assert "in use; choose another one" in said


ENDLESS = {
    "model": "tiny",
    "messages": [{"role": "user", "content": "Write forever"}],
    "stream": True,
    "ignore_eos": True,
}


SERVES = """
import time
from conformance.cli import main
from mockserver.answering import Settings
from mockserver.engines.decoding.scripted import ScriptedStepper, scripted
from mockserver.engines.decoding.stepping import SteppingEngine
from mockserver.reference import opening, template, words
from mockserver.reference.asking import Model
from mockserver.reference.guiding import Guiding
from mockserver.reference.server import ReferenceServer

known = words.load(opening.SHIPPED)
end = known.added["<|im_end|>"]
info = scripted(len, vocabulary=known.size, stop_token=end, model="tiny").info
slow = ScriptedStepper(lambda request, choice: [40] * 4000, info, before=lambda plan: time.sleep(0.01))
engine = SteppingEngine(slow)
model = Model(engine.info, known, template.load(opening.SHIPPED, known), Guiding(known, known.size, [end]))
opening.opened = lambda *_: ReferenceServer(engine, model, Settings(models=("tiny",)))
main(["serve", "--port", "0"])
"""
"""`streamspec serve` with an engine that needs no torch."""


def serving() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SERVES], stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str], words: str) -> str:
    """The line of a process in which that stands."""
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


def asked(url: str, tokens: int) -> Any:
    body = json.dumps({**ENDLESS, "max_tokens": tokens}).encode()
    asked = urllib.request.Request(f"{url}/chat/completions", body, {"content-type": "application/json"})
    return urllib.request.urlopen(asked, timeout=60)


def test_after_one_signal_streams_end_as_they_should() -> None:
    with serving() as process, asked(said(process, "model tiny").split()[0], 100) as stream:
        assert b"data:" in stream.readline()
        process.send_signal(signal.SIGTERM)
        assert stream.read().endswith(b"data: [DONE]\n\n")
        assert 0 == process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(number: signal.Signals) -> None:
    with serving() as process, asked(said(process, "model tiny").split()[0], 3900) as stream:
        assert b"data:" in stream.readline()
        process.send_signal(number)
        assert said(process, "stopping")
        process.send_signal(number)
        assert 128 + number == process.wait(60)
