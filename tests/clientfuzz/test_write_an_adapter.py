"""The adapters of docs/write-an-adapter.md do what the page says."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # the command and its clients are started from nothing
MANAGED = ("legal/plain/text/per-event", "transport/cut/closed/after-some-text")
LOST = (
    "legal/line-ends/cr/per-event",
    "legal/encoding/mark-before-text/per-event",
    "transport/error/object/in-the-middle",
)
PAGE = Path(__file__).parents[2] / "docs" / "write-an-adapter.md"


def block(heading: str, language: str) -> str:
    """The first code block of this language behind a heading."""
    section = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None, heading
    return found.group(1)


def fuzzed(folder: Path, cases: tuple[str, ...], *command: str) -> subprocess.CompletedProcess[str]:
    own = [sys.executable, "-m", "conformance.cli", "fuzz-client", "--save", str(folder / "saved")]
    own += [word for case in cases for word in ("--cases", case)]
    words = [*own, "--limit", "60", "--jobs", "1", "--", *command, "{base_url}", "{model}"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.skipif(importlib.util.find_spec("openai") is None, reason="openai is not installed")
def test_the_one_in_python_manages_a_plain_stream_and_notices_a_cut(tmp_path: Path) -> None:
    script = tmp_path / "my_client.py"
    script.write_text(block("In Python", "python"))
    done = fuzzed(tmp_path, MANAGED, sys.executable, str(script))
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not installed")
def test_the_one_in_a_shell_does_as_well_and_loses_what_the_page_says(tmp_path: Path) -> None:
    script = tmp_path / "my_client.sh"
    script.write_text(block("In a shell, with curl and jq", "sh"))
    done = fuzzed(tmp_path, MANAGED, "sh", str(script))
    assert 0 == done.returncode, done.stdout + done.stderr
    done = fuzzed(tmp_path, LOST, "sh", str(script))
    assert 1 == done.returncode
    assert len(LOST) == done.stdout.count("FAIL  ")


def test_the_page_shows_what_the_installer_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "conformance.clientfuzz.installing"], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode
    [line] = [line for line in done.stdout.splitlines() if line.startswith("litellm ")]
    assert "litellm==1.106.2" in line
    assert "litellm-1.106.2" in PAGE.read_text("utf-8")
