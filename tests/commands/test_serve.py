"""`streamspec serve`: what it says where it cannot serve. That it serves, the reference server's tests show."""

import sys
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
