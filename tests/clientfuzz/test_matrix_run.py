"""The command that tries every client: it keeps what each came to, goes on where it was, and writes the pages."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.clientfuzz import matrix
from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.clients import client

pytestmark = pytest.mark.timeout(300)  # the command and its clients are started from nothing
CAREFUL = (sys.executable, str(Path(__file__).parent / "clients" / "careful.py"))
PLAYED = ("legal/plain/text/per-event", "transport/cut/closed/after-some-text")
LEFT_OUT = "legal/plain/text/whole"


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clients that were started, each in the place of a careful one."""
    names: list[str] = []

    def installed(one: Any, _: Path) -> tuple[str, ...]:
        names.append(one.name)
        return CAREFUL

    monkeypatch.setattr(matrix, "CLIENTS", (client("openai-py"),))
    monkeypatch.setattr(matrix, "catalogue", lambda: chosen([*PLAYED, LEFT_OUT]))
    monkeypatch.setattr(matrix, "installed", installed)
    monkeypatch.setattr(matrix, "LIMIT", 60.0)
    return names


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["matrix", *map(str, arguments)])
    matrix.main()


def test_each_family_is_tried_once_and_the_pages_are_made_of_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, tried: list[str], tmp_path: Path
) -> None:
    folder, docs = tmp_path / "clients", tmp_path / "docs"
    run(monkeypatch, folder, docs)
    kept = {
        file.stem: [case["case"] for case in json.loads(file.read_bytes())["cases"]]
        for file in (folder / "results" / "openai-py").glob("*.json")
    }
    assert {"legal": [PLAYED[0]], "transport": [PLAYED[1]]} == kept
    assert ["openai-py"] * 2 == tried
    assert "| `openai==3.51.0` | `create(stream=True)` | 2 | 0 | 0 |" in (docs / "matrix.md").read_text("utf-8")
    run(monkeypatch, folder, docs)
    assert ["openai-py"] * 2 == tried


def test_what_did_not_pass_is_played_once_more_and_counts_as_what_it_came_to_then(
    monkeypatch: pytest.MonkeyPatch, tried: list[str], tmp_path: Path
) -> None:
    folder, docs = tmp_path / "clients", tmp_path / "docs"
    results = folder / "results" / "openai-py"
    results.mkdir(parents=True)
    for family, case, verdict in (("legal", PLAYED[0], "FAIL"), ("transport", PLAYED[1], "PASS")):
        told = {"case": case, "verdict": verdict, "outcome": "hang", "says": "late", "report": None}
        (results / f"{family}.json").write_text(json.dumps({"cases": [told]}))
    run(monkeypatch, folder, docs)
    again = json.loads((results / "again.json").read_bytes())["cases"]
    assert [(PLAYED[0], "PASS")] == [(case["case"], case["verdict"]) for case in again]
    assert ["openai-py"] == tried
    assert "| 2 | 0 | 0 |" in (docs / "matrix.md").read_text("utf-8")


def test_a_client_that_cannot_be_tried_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tried: list[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(matrix, "installed", lambda *_: (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(RuntimeError, match="openai-py: "):
        run(monkeypatch, tmp_path / "clients", tmp_path / "docs")
    assert not list(tmp_path.rglob("*.json"))
    assert [] == tried
