"""Same seed, same request: same bytes, in every process, with every Python."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE / "digests.py"
PYTHONS = [python for python in os.environ.get("STREAMSPEC_PYTHONS", "").split(os.pathsep) if python]
"""Other interpreters that have what the project depends on."""


def made_by(python: str, hash_seed: str) -> Any:
    """The digests that another process makes."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([python, SCRIPT, "all"], capture_output=True, text=True, env=environment, timeout=100)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made() -> Any:
    return made_by(sys.executable, "1")


def test_every_answer_is_what_it_was(made) -> None:
    """They were kept on Linux with Python 3.11; `python tests/mockserver/digests.py` makes them anew."""
    kept = json.loads((HERE / "digests.json").read_text("utf-8"))
    assert kept == made["openai"]


def test_two_processes_with_another_hash_seed_answer_alike_in_every_dialect_and_chaos(made) -> None:
    assert made == made_by(sys.executable, "2")


@pytest.mark.skipif(not PYTHONS, reason="STREAMSPEC_PYTHONS names no interpreters that have the dependencies")
@pytest.mark.parametrize("python", PYTHONS)
def test_another_python_answers_alike(made, python: str) -> None:
    assert made == made_by(python, "3")


def test_the_dialects_and_the_seeds_of_chaos_do_differ(made) -> None:
    assert len(made) == len({json.dumps(digests) for digests in made.values()})
