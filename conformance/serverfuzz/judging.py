"""What is wrong with one exchange: oracles first, then every rule, under the target's dialect. Sends nothing.

Where a request got no answer, or a 5xx, that is the one fault: what the rules would say besides follows from it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from conformance.judge import judge
from conformance.protocols.chat.dialects import OPENAI, Dialect
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import Finding, shorten, show
from conformance.rules import ALL
from conformance.rules.rule import MUST, SHOULD, Rule
from conformance.verdicts import RuleVerdict, Verdict

from . import oracles, wrongs
from .oracles import Fault, fault
from .requests import is_fringe

NOT_OURS = (401, 403, 408, 413, 429)
"""A server may refuse anybody for these reasons."""
UNABLE = (501, 503)
"""5xx that say nothing of a mistake of the server's: it does not do this, or not now."""
VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[0-9][0-9.eE+-]*|[^\x20-\x7e]+")
"""What differs between two messages that say the same."""
SAID = 40
"""Characters of what a server says that tell failures apart."""
ANYWAY = ("chat/cancellation/", "chat/concurrency/", "chat/timing/", "http/timing/", "completions/", "http/routes/")
"""Rules about trials, text completions and routes: nothing here is sent for them."""
OF_MODELS = ("chat/text/no-half-characters",)
"""Rules that a model breaks which is asked for what it was not made for."""
RULES: tuple[Rule, ...] = tuple(rule for rule in ALL if not rule.id.startswith((*ANYWAY, *OF_MODELS)))


@dataclass(frozen=True, slots=True)
class Court:
    """By what exchanges are judged."""

    dialect: Dialect = OPENAI
    features: frozenset[str] = frozenset()
    known: Mapping[str, str] = field(default_factory=dict)
    """Id of each rule that is known to fail, and why."""
    strict: bool = False
    """What is a SHOULD counts, too."""

    def faults_of(self, exchange: Exchange, wrong: str = "") -> list[Fault]:
        """All that is wrong with an exchange; `wrong` is what is wrong with its request, "" for a valid one."""
        if (silent := _silence(exchange, wrong)) is not None:
            return [silent]
        found = [*_status(exchange, wrong), *(f for f in map(_of_rule, self._verdicts(exchange)) if f is not None)]
        about = [_about(one, wrong) for one in found] if wrong else found
        return [replace(one, promoted=one.level is SHOULD) for one in about] if self.strict else about

    def _verdicts(self, exchange: Exchange) -> Iterator[RuleVerdict]:
        verdicts = judge([exchange], rules=RULES, dialect=self.dialect, features=self.features)
        return (v for v in verdicts if v.rule.id not in self.known or v.verdict is Verdict.SUITE_ERROR)


def _of_rule(verdict: RuleVerdict) -> Fault | None:
    rule = verdict.rule
    if verdict.verdict is Verdict.SUITE_ERROR:
        found = Finding(wanted="a rule that judges", got=verdict.reason, rule=rule.id)
        return Fault(f"{rule.id} (SUITE-ERROR)", rule.id, MUST, rule.says, rule.source, found, suite=True)
    if verdict.verdict not in (Verdict.FAIL, Verdict.WARN):
        return None
    wanted = Verdict.FAIL if verdict.verdict is Verdict.FAIL else Verdict.WARN
    finding = next(f.finding for f in verdict.findings if f.verdict is wanted)
    return Fault(rule.id, rule.id, rule.level, rule.says, rule.source, finding)


def _about(one: Fault, wrong: str) -> Fault:
    """Rules about refusals are one failure for each member that is wrong."""
    if not one.rule.startswith(("chat/refusals/", "chat/strictness/")):
        return one
    about = wrongs.find(wrong).member or wrong
    return Fault(f"{one.rule} ({about})", one.rule, one.level, one.says, one.source, one.finding, one.suite)


def _silence(exchange: Exchange, wrong: str) -> Fault | None:
    """The fault of an exchange that did not come to an end, or of a server that erred; None of any other."""
    if unconnected(exchange):
        return fault(oracles.CONNECTS, "a connection", "none")
    if exchange.ending is Ending.TIMEOUT:
        got = f"nothing for {exchange.ended_at or 0:.1f} s" if exchange.head is None else _so_far(exchange)
        return fault(oracles.IN_TIME, "the end of the answer", got, about=wrong)
    if exchange.head is None:
        return fault(oracles.ANSWERS, "a response head", f"the connection ended ({exchange.ending.value})", about=wrong)
    if exchange.ending in (Ending.LEFT, Ending.CUT) and exchange.status == 200:
        return fault(oracles.ENDLESS, "the end of the stream", _so_far(exchange), about=wrong)
    if exchange.status >= 500 and exchange.status not in UNABLE:
        wanted = "a 4xx status" if wrong else "status 200"
        got = f"status {exchange.status} and {show(exchange.document or exchange.body[:400])}"
        return fault(oracles.NO_SERVER_ERROR, wanted, got, about=said_by(exchange))
    return None


def _so_far(exchange: Exchange) -> str:
    return f"{len(exchange.steps)} messages in {exchange.ended_at or 0:.1f} s, and no end"


def unconnected(exchange: Exchange) -> bool:
    """There was no connection."""
    return exchange.head is None and exchange.ending is Ending.RESET and not exchange.ended_at


def _status(exchange: Exchange, wrong: str) -> Iterator[Fault]:
    """A valid request that is refused, or a bad one that is not."""
    status = exchange.status
    if wrong:
        if 200 <= status < 400:
            yield fault(oracles.REFUSED, "status 400", f"status {status}", about=wrong)
    elif status >= 400 and status not in NOT_OURS:
        level = SHOULD if is_fringe(exchange.request.body) else MUST
        got = f"status {status} and {show(exchange.document or exchange.body[:400])}"
        yield fault(oracles.SERVED, "status 200", got, about=said_by(exchange), level=level)


def said_by(exchange: Exchange) -> str:
    """What a server says of itself or of a request, less what varies."""
    document = exchange.document
    error = document.get("error", document) if isinstance(document, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    text = told if isinstance(told, str) else exchange.body[:400].decode("utf-8", "replace")
    return f"{exchange.status}: {shorten(VARYING.sub('·', text)[:SAID].strip())}"
