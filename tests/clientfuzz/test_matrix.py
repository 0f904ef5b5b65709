"""The pages about clients: what stands in them follows from what the clients came to."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from conformance.clientfuzz import failures, matrix_page
from conformance.clientfuzz.catalogue import catalogue
from conformance.clientfuzz.clients import CLIENTS, client
from conformance.clientfuzz.groups import GROUPS, group_of
from conformance.clientfuzz.questions import QUESTIONS
from conformance.clientfuzz.upstream import everything, known

DOCS = Path(__file__).parents[2] / "docs" / "clients"
CASES = [case.id for case in catalogue()]
LOST = "mutant/chat/choice/delta-object#text-for-delta"
CLEAN = "mutant/chat/usage/sent#left-out"


def came_to(case: str, verdict: str, outcome: str = "accepted", says: str = "") -> dict[str, Any]:
    told = {"text": "He said | <b>", "finish_reason": "stop", "tool_calls": [], "error": None}
    expectation = {"expectation": "MAY", "authority": "openai", "because": "it may be refused"}
    return {"case": case, "verdict": verdict, "outcome": outcome, "says": says, "report": told, **expectation}


def documents(**verdicts: str) -> dict[str, dict[str, Any]]:
    """By client: one case with this verdict, and one that passed."""
    return {
        name.replace("_", "-"): {
            "cases": [came_to(LOST, one, "silent-truncation", "lost | all"), came_to(CLEAN, "PASS")]
        }
        for name, one in verdicts.items()
    }


@pytest.mark.parametrize("group", [name for name, _, _ in GROUPS])
def test_every_group_has_cases(group: str) -> None:
    assert any(group_of(case) == group for case in CASES)


def test_a_cell_counts_what_must_never_be_and_what_is_to_be_looked_at() -> None:
    found = documents(openai_py="FAIL", litellm="WARN", httpx_sse="PASS")
    page = matrix_page.pages([client(name) for name in found], found)["matrix.md"]
    python, by_hand = [line for line in page.splitlines() if line.startswith("| **Chunks of another shape**")]
    assert python.endswith("| **✗** 1 | ! 1 |")
    assert by_hand.endswith("another type | ✓ |")
    assert "| [openai-py](found/openai-py.md) | `openai==3.51.0` | `create(stream=True)` | 1 | 0 | 1 |" in page
    assert "| … loses text in chunks of **another shape**, and ends well | openai-py |" in page
    assert "| … hands over **text after [DONE]** | nobody |" in page


def test_every_question_is_about_cases_that_there_are() -> None:
    for question in QUESTIONS:
        assert all(any(fnmatchcase(case, glob) for case in CASES) for glob in question.cases), question.does


def test_the_page_of_a_client_has_the_bytes_and_what_it_said() -> None:
    page = failures.page(client("openai-py"), documents(openai_py="FAIL")["openai-py"])
    assert "+ …" in page
    assert '"text":"1,"' in page
    assert "It ended as if whole: lost \\| all" in page
    assert '    {"text": "He said | <b>", "finish_reason": "stop"}' in page
    assert "\nUpstream: " in page


def test_the_pieces_of_a_legal_variation_are_one_situation() -> None:
    cases = [came_to(f"legal/line-ends/cr/{piece}", "FAIL", "error-surfaced") for piece in ("whole", "one-byte")]
    assert {"legal/line-ends/cr": cases} == failures.situations([*cases, came_to(CLEAN, "PASS")])


def test_what_is_known_upstream_is_of_a_client_and_a_case_that_there_are() -> None:
    for one in everything():
        assert all(any(fnmatchcase(tried.name, glob) for tried in CLIENTS) for glob in one.clients), one.where
        assert all(any(fnmatchcase(case, glob) for case in CASES) for glob in one.cases), one.where
        assert re.fullmatch(r"\[([\w.-]+/[\w.-]+)#(\d+)\]\(https://github.com/\1/issues/\2\)", one.link)


def test_what_is_known_is_of_what_the_client_did() -> None:
    case = "transport/cut/ended/after-some-text"
    invented = known("litellm", case, 'made up the finish_reason "stop" of an answer that was cut')
    assert invented is not None
    assert "BerriAI/litellm#40260" == invented.where
    assert known("litellm", case, "refused what it has to take") is None
    assert known("curl", case, "made up the finish_reason") is None


@pytest.mark.skipif(not (DOCS / "matrix.md").exists(), reason="the page is not made yet")
def test_the_page_names_every_client_and_its_version() -> None:
    page = (DOCS / "matrix.md").read_text("utf-8")
    for tried in CLIENTS:
        assert f"| [{tried.name}](found/{tried.name}.md) | `{tried.packages[0]}`" in page
        assert (DOCS / "found" / f"{tried.name}.md").exists()
