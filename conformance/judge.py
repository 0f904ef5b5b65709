"""Exchanges and rules to verdicts. Pure: no network, no clock, no printing."""

from collections.abc import Sequence

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding
from conformance.rules import ALL
from conformance.rules.rule import Rule


def findings_of(exchange: Exchange, rules: Sequence[Rule] = ALL) -> dict[str, list[Finding]]:
    """What each rule that has something to say about this exchange finds in it."""
    view = View(exchange)
    return {r.id: r.findings(view if r.needs.protocol else exchange) for r in rules if r.needs.fits(exchange)}
