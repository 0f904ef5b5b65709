"""What one client did that it must never do, as a page: the case, the bytes, what it said, and whether upstream knows.

Runs nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from conformance.report.faults import difference
from conformance.wire.script import body, whole

from .case import Case
from .catalogue import catalogue
from .clients import Client
from .upstream import known

LINES = 8
"""Lines of what was played that are shown."""
LONGEST = 300
"""Characters of what a client said that are shown."""
LOOP = "It hands over chunks; what puts text and tool calls together here is the loop of OpenAI's guides."
WORDS = {
    "silent-truncation": "ended as if whole",
    "wrong-content": "handed over something else",
    "error-surfaced": "refused what is legal",
    "hang": "hung",
    "crash": "crashed",
}


@lru_cache(maxsize=1)
def _by_id() -> dict[str, Case]:
    return {case.id: case for case in catalogue()}


def situation_of(case: str) -> str:
    """A case without the pieces it is cut into: those of a legal variation are one situation."""
    return case.rpartition("/")[0] if case.startswith("legal/") else case


def situations(cases: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The cases that failed, by situation, in their order."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for case in cases:
        if case["verdict"] == "FAIL":
            grouped.setdefault(situation_of(case["case"]), []).append(case)
    return grouped


def says(situation: str) -> str:
    """What a situation is, in a sentence."""
    case = next((case for name, case in _by_id().items() if situation_of(name) == situation), None)
    return "" if case is None else _cell(case.says)


def page(client: Client, document: Mapping[str, Any]) -> str:
    """The page of a client."""
    cases = document["cases"]
    grouped = situations(cases)
    counts = {verdict: sum(case["verdict"] == verdict for case in cases) for verdict in ("PASS", "WARN", "FAIL")}
    lines = [
        f"# {client.name}: {client.packages[0].replace('==', ' ')}",
        "",
        f"Asked by {client.way}, with " + ", ".join(f"`{package}`" for package in client.packages) + ";",
        f"the adapter is `conformance/clientfuzz/adapters/{client.script}`. Of {len(cases)} streams",
        f"{counts['PASS']} passed, {counts['WARN']} are to be looked at (!), and in {counts['FAIL']} it did",
        "what a client must never do (✗).",
        *([LOOP] if client.hands_over_chunks else []),
        "[All clients](../matrix.md).",
        "",
    ]
    if grouped:
        lines += ["| what it did | case | upstream |", "|---|---|---|", *_list(client, grouped), ""]
        for situation, some in grouped.items():
            lines += _entry(client, situation, some)
    warned = [case["case"] for case in cases if case["verdict"] == "WARN"]
    if warned:
        lines += ["## To be looked at (!)", "", "| case | what came of it |", "|---|---|"]
        lines += [f"| `{case['case']}` | {_cell(case['says'])} |" for case in cases if case["verdict"] == "WARN"]
        lines.append("")
    return "\n".join(lines)


def _list(client: Client, grouped: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for situation, some in grouped.items():
        report = known(client.name, situation, some[0]["says"])
        link = report.link if report else "none found"
        did = WORDS.get(some[0]["outcome"], some[0]["outcome"])
        yield f"| {did} | [`{situation}`](#{_anchor(situation)}) | {link} |"


def _anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return "".join(one for one in heading.lower().replace(" ", "-") if one.isalnum() or one in "-_")


def _entry(client: Client, situation: str, some: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    case = some[0]
    report = known(client.name, situation, case["says"])
    yield from (f"### {situation}", "")
    pieces = [one["case"].rpartition("/")[2] for one in some] if situation.startswith("legal/") else []
    cut = f" Cut into pieces: {', '.join(pieces)}." if pieces else ""
    yield f"{_sentence(says(situation))} {case['expectation']}: {_cell(case['because'])} ({case['authority']}).{cut}"
    yield from ("", "```diff", *_bytes(case["case"]), "```", "")
    yield f"It {WORDS.get(case['outcome'], case['outcome'])}: {_cell(case['says'])}"
    yield from ("", f"    {_said(case['report'])}", "")
    yield f"Upstream: {f'{report.link}, {report.note}' if report else 'none found'}."
    yield ""


def _bytes(case_id: str) -> Iterator[str]:
    """Where what was played differs from the plain stream, or its beginning where it is one."""
    case = _by_id().get(case_id)
    if case is None:
        return
    good, played = whole(case.good), whole(case.played)
    if body(good.acts) == body(played.acts) and good.headers == played.headers and good.framing is played.framing:
        yield from (line for line in difference(replace(good, acts=()), played, LINES) if line.startswith("+"))
    else:
        yield from difference(good, played, LINES)


def _said(report: Mapping[str, Any] | None) -> str:
    """What the client printed."""
    if report is None:
        return "(nothing)"
    told = {name: value for name, value in report.items() if value not in (None, [], "") or name == "text"}
    line = json.dumps(told)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _cell(text: str) -> str:
    """Text in a cell of a table."""
    shown = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"
