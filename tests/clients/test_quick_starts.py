"""The quick starts of docs/test-a-client.md: the page shows the files, and those in Python do what it says."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver import Mock

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "test-a-client.md"
STARTS = sorted(path for path in (DOCS / "clients").iterdir() if path.suffix in (".py", ".mjs"))
NEEDS = {"with_openai.py": "openai", "with_langchain.py": "langchain_openai", "with_litellm.py": "litellm"}


@pytest.mark.parametrize("start", STARTS, ids=lambda path: path.name)
def test_the_page_shows_the_file_which_has_five_lines(start: Path) -> None:
    code = start.read_text("utf-8")
    assert f"\n{code}```\n" in PAGE.read_text("utf-8")
    assert len([line for line in code.splitlines() if line]) <= 5


@pytest.mark.parametrize("start", STARTS, ids=lambda path: path.name)
def test_the_script_runs_it(start: Path) -> None:
    assert start.name in (DOCS / "clients" / "run.sh").read_text("utf-8")


@pytest.mark.parametrize("name", NEEDS)
def test_it_prints_the_answer(name: str, streamspec_mock: Mock) -> None:
    if importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed; docs/clients/run.sh runs this one")
    environment = {**os.environ, "OPENAI_BASE_URL": streamspec_mock.base_url, "OPENAI_API_KEY": "any"}
    command = [sys.executable, str(DOCS / "clients" / name)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Hi there!\n" == done.stdout, done.stderr
    streamspec_mock.asked(1, stream=True)


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    tests = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if "def test_" in code
    ]
    (tmp_path / "test_page.py").write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "test_page.py"]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "4 passed" in done.stdout, done.stdout


REPLAYED = """
import json, pytest
from urllib.request import Request, urlopen

@pytest.mark.streamspec_mock(replay={folder!r}, speed=0, ignore=("seed",))
def test_it(streamspec_mock):
    recorded = json.loads(open({file!r}).readline())["request"]["body"]
    request = Request(streamspec_mock.base_url + "/chat/completions", json.dumps({{**recorded, "seed": 5}}).encode())
    with urlopen(request) as answer:
        assert b"data: [DONE]" in answer.read()
    assert {file!r} == streamspec_mock.journal[0].scenario
"""


def test_the_fixture_replays(tmp_path: Path) -> None:
    file = tmp_path / "taken" / "stream.jsonl"
    file.parent.mkdir()
    shutil.copy(Path(__file__).parents[1] / "recordings" / "llamacpp" / file.name, file)
    (tmp_path / "test_it.py").write_text(REPLAYED.format(folder=str(file.parent), file=str(file)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout
