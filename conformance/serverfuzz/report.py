"""The report of a campaign, for people at a terminal and as JSON. Renders; decides nothing.

Nothing of a target's bytes acts on the terminal, and no key is in it.
"""

from typing import Any

from rich.console import Console
from rich.text import Text

from conformance.probes.way import Way
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.finding import SHOWN, printable, show

from .campaign import Campaign, Found
from .cases import Case
from .saying import curl, python

FORMAT = 1
REMARKS = 12
"""Remarks that are shown at the terminal; the JSON report has all."""
BODY = 400
"""Bytes of an answer that are shown."""


def exit_code(campaign: Campaign) -> int:
    """1 where something counts, else 0."""
    return 1 if campaign.found else 0


def document(campaign: Campaign, *, suite: str, key: str, recordings: dict[str, str]) -> dict[str, Any]:
    """The report as JSON values. `key` is the variable that holds the key, `recordings` the folder of each kind."""
    asker = campaign.asker
    return {
        "fuzz_report": FORMAT,
        "suite": suite,
        "target": campaign.order.target,
        "url": without_credentials_in_url(asker.endpoint.url),
        "model": asker.endpoint.model,
        "dialect": campaign.court.dialect.name,
        "seed": campaign.order.seed,
        "examples": campaign.examples,
        "requests": asker.requests,
        "tokens": asker.tokens,
        "deterministic": campaign.offer.deterministic,
        "ended": campaign.ended,
        "interrupted": campaign.interrupted,
        "red": bool(campaign.found),
        "failures": [_failure(found, campaign, key, recordings) for found in campaign.found.values()],
        "remarks": [_failure(found, campaign, key, recordings) for found in campaign.remarks.values()],
        "no_longer": campaign.gone,
    }


def _failure(found: Found, campaign: Campaign, key: str, recordings: dict[str, str]) -> dict[str, Any]:
    fault = found.fault
    exchanges = found.seen.exchanges
    member = {
        "kind": fault.kind,
        "rule": fault.rule,
        "level": fault.level.value,
        "says": fault.says,
        "source": [str(source) for source in fault.source],
        "wanted": fault.finding.wanted,
        "got": fault.finding.got,
        "does": found.case.says,
        "example": found.example,
        "met": campaign.met[fault.kind],
        "seen": found.times,
        "of": found.of,
        "requests": [exchange.request.body for exchange in exchanges],
        "curl": curls(found, campaign, key),
        "python": python(exchanges, key) if exchanges else "",
    }
    return {**member, **({"recordings": recordings[fault.kind]} if fault.kind in recordings else {})}


def curls(found: Found, campaign: Campaign, key: str) -> list[str]:
    """Each request as a line for a shell."""
    ways = found.seen.ways or [Way.WHOLE] * len(found.seen.exchanges)
    header = campaign.asker.endpoint.key_header
    return [curl(exchange, way, key, header) for exchange, way in zip(found.seen.exchanges, ways, strict=True)]


def render(campaign: Campaign, console: Console, *, key: str, recordings: dict[str, str], again: str) -> None:
    """Each kind of failure once, as small as it got; then remarks, and a line that sums up."""
    for found in campaign.found.values():
        _found(found, campaign, console, key, recordings)
    remarks = sorted(
        campaign.remarks.values(), key=lambda found: (found.fault.rule == "fuzz/refused", found.fault.kind)
    )
    for found in remarks[:REMARKS]:
        fault = found.fault
        met = campaign.met[fault.kind]
        _line(console, f"noted  {fault.level.value:<6} {fault.kind}: {fault.finding.got} ({met} times)", "yellow")
    if len(remarks) > REMARKS:
        _line(console, f"       and {len(remarks) - REMARKS} more remarks; --json has them", "yellow")
    for kind in campaign.gone:
        _line(console, f"gone   {kind}: failed in an earlier campaign, and fails no more", "green")
    _sum_up(campaign, console, again)


def _found(found: Found, campaign: Campaign, console: Console, key: str, recordings: dict[str, str]) -> None:
    fault = found.fault
    style = "bold white on red" if fault.suite else "bold red"
    head = Text.assemble(("FAIL", style), f"  {fault.level.value.upper():<6}  ", (printable(fault.kind), "bold"))
    console.print(head, soft_wrap=True)
    lines = [
        ("", fault.says),
        ("wanted", fault.finding.wanted),
        ("got", fault.finding.got),
        ("does", found.case.says),
        ("source", "; ".join(f"{source.authority}: {source}" for source in fault.source)),
        ("seen", f"{found.times} of {found.of} times{_flaky(found)}{_when(found)}"),
    ]
    if fault.kind in recordings:
        lines.append(("kept in", recordings[fault.kind]))
    for name, text in lines:
        _line(console, f"   {name:<7} {text}" if name else f"   {text}")
    for line in curls(found, campaign, key):
        _line(console, f"   {line}", "cyan", limit=None)
    if isinstance(found.case, Case) and found.seen.exchanges:
        last = found.seen.exchanges[-1]
        _line(console, f"   answer  {last.status} {show(last.body[-BODY:], BODY)}", "dim", limit=None)
        for line in python(found.seen.exchanges, key).split("\n"):
            _line(console, f"   | {line}", "dim", limit=None)
    _line(console, "")


def _flaky(found: Found) -> str:
    return "; it does not come every time" if 0 < found.times < found.of else ""


def _when(found: Found) -> str:
    if found.of and not found.times:
        return "; it did not come again: what came before it, or chance, had a part in it"
    return f"; first in example {found.example}" if found.example else "; kept from an earlier campaign"


def _sum_up(campaign: Campaign, console: Console, again: str) -> None:
    asker, kinds = campaign.asker, len(campaign.found)
    failures = f"{kinds} kind{'s' if kinds != 1 else ''} of failure" if kinds else "no failure"
    _line(
        console,
        f"{campaign.order.target}: {failures}, {len(campaign.remarks)} remarks, in {campaign.examples} examples, "
        f"{asker.requests} requests and {asker.tokens} tokens; seed {campaign.order.seed}",
        "bold red" if kinds else "bold green",
    )
    if campaign.ended:
        _line(console, f"It ended early: {campaign.ended}.", "yellow")
    if not campaign.offer.deterministic:
        _line(console, "Answers were not compared with each other: the target does not say the same twice.", "yellow")
    _line(console, f"again   {again}", "dim", limit=None)


def _line(console: Console, text: str, style: str = "", limit: int | None = 4 * SHOWN) -> None:
    shown = printable(text, "\n")
    cut = shown if limit is None or len(shown) <= limit else f"{shown[:limit]}…"
    console.print(Text(cut, style), soft_wrap=True)
