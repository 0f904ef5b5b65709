"""What many clients came to, as pages: the matrix, and for each client what it must never do. Runs nothing.

`found` is by client the document that `streamspec fuzz-client --json` writes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import failures
from .clients import Client
from .groups import GROUPS, group_of
from .questions import QUESTIONS

Found = Mapping[str, Mapping[str, Any]]


def pages(clients: Sequence[Client], found: Found) -> dict[str, str]:
    """The pages by their paths under docs/clients/."""
    details = {f"found/{client.name}.md": failures.page(client, found[client.name]) for client in clients}
    return {"matrix.md": "\n".join(_matrix(clients, found)) + "\n", **details}


def _matrix(clients: Sequence[Client], found: Found) -> Iterator[str]:
    cases = max(len(found[client.name]["cases"]) for client in clients)
    packages = {client.packages[0] for client in clients}
    yield _TOP.format(cases=cases, ways=len(clients), packages=len(packages))
    yield from ("## Who does what", "", *_answers(clients, found), "")
    kinds = (
        ("For Python", [one for one in clients if one.in_python and not one.by_hand]),
        ("For JavaScript", [one for one in clients if not one.in_python and not one.by_hand]),
        ("HTTP and SSE libraries, each with the loop that everybody writes", [one for one in clients if one.by_hand]),
    )
    yield _READ
    for title, some in kinds:
        if some:
            yield from (f"### {title}", "", *_table(some, found), "")
    yield from ("## The clients", "", *_versions(clients, found))


_TOP = """# Real clients and malformed streams

{cases} streams, legal ones in odd forms and broken ones, played to {ways} ways of using {packages} packages, and judged
by what each client *said*. `docs/clients/matrix.sh FOLDER` makes these pages; `streamspec fuzz-client` tries
[your client](../fuzz-a-client.md). Facts that were measured before, and are found again: [facts](facts.md).
"""
_READ = """## How many, of what

- **✗ 3**: in three cases it did what a client must never do: it hung, crashed, ended as if whole when it was not,
  handed over something else than was sent, or refused what is legal. The name of a client leads to the bytes, to what
  it said, and to what is known upstream.
- **! 3**: in three cases an error was due and none came, but an application that looks can see it, as the finish_reason
  is missing; or something smaller is wrong, such as the usage.
- **✓**: all as it should be.

A client that breaks off with an error is never wrong where the stream is broken, and one that reads on is not wrong
where nothing is lost. Counts follow the choice of cases: compare lines, and rank nobody. Legal streams were sent event
by event, byte by byte, and cut inside of characters and line ends. What did not pass was played twice. Where a client
hands over chunks alone, the loop of OpenAI's guides puts text and tool calls together.
"""


def _table(clients: Sequence[Client], found: Found) -> Iterator[str]:
    yield "| | " + " | ".join(f"[{client.name}](found/{client.name}.md)" for client in clients) + " |"
    yield "|---" * (len(clients) + 1) + "|"
    for name, says, _ in GROUPS:
        row = [_cell(_of(name, found[client.name]["cases"])) for client in clients]
        if any(row):
            yield f"| **{name}**: {says} | {' | '.join(row)} |"
    totals = [_cell(found[client.name]["cases"]) for client in clients]
    yield f"| **All** | {' | '.join(totals)} |"


def _of(group: str, cases: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [case for case in cases if group_of(case["case"]) == group]


def _cell(cases: Sequence[Mapping[str, Any]]) -> str:
    """What became of some cases."""
    if not cases:
        return ""
    verdicts = Counter(case["verdict"] for case in cases)
    parts = [f"**✗** {verdicts['FAIL']}"] if verdicts["FAIL"] else []
    parts += [f"! {verdicts['WARN']}"] if verdicts["WARN"] else []
    return " ".join(parts) or "✓"


def _answers(clients: Sequence[Client], found: Found) -> Iterator[str]:
    """Who does what."""
    yield "| the client … | |"
    yield "|---|---|"
    for question in QUESTIONS:
        names = [client.name for client in clients if question.done_by(found[client.name]["cases"])]
        yield f"| … {question.does} | {_named(clients, names)} |"


def _named(clients: Sequence[Client], names: Sequence[str]) -> str:
    """Some of the clients, in as few words as can be."""
    others = [client.name for client in clients if client.name not in names]
    if not others:
        return "all"
    if not names:
        return "nobody"
    return ", ".join(names) if len(names) <= 2 * len(others) else f"all but {', '.join(others)}"


def _versions(clients: Sequence[Client], found: Found) -> Iterator[str]:
    yield "| client | packages | asked by | passed | ! | ✗ |"
    yield "|---|---|---|---|---|---|"
    for client in clients:
        verdicts = Counter(case["verdict"] for case in found[client.name]["cases"])
        packages = ", ".join(f"`{package}`" for package in client.packages)
        link = f"[{client.name}](found/{client.name}.md)"
        yield f"| {link} | {packages} | {client.way} | {verdicts['PASS']} | {verdicts['WARN']} | {verdicts['FAIL']} |"
