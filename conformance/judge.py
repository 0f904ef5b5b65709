"""Exchanges, rules and a dialect to verdicts. Pure: no network, no clock, no printing.

`features` is what a target declares; None stands for a recording, of which nothing can be demanded: a rule that a
recording cannot answer is NOT-APPLICABLE, while a live target that fails to bring about what a rule needs makes it
UNTESTABLE, which is red.
"""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.protocols.chat.dialects import OPENAI, Dialect
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, shorten
from conformance.protocols.viewing import view_of
from conformance.rules import ALL
from conformance.rules.pace import first_piece, pieces, tokens_of
from conformance.rules.rule import Level, Rule
from conformance.verdicts import JudgedFinding, RuleVerdict, Timing, Verdict, worst

SEEN_OF_IT = "and there is one, but"
"""In the reason of an UNTESTABLE verdict: what stands behind it is why nothing could be seen."""
KEPT = 20
"""Findings that are kept per rule and exchange; the rest would say the same."""
BY_LEVEL = {Level.MUST: Verdict.FAIL, Level.SHOULD: Verdict.WARN, Level.MAY: Verdict.PASS}


def findings_of(exchange: Exchange, rules: Sequence[Rule] = ALL) -> dict[str, list[Finding]]:
    """What each rule that has something to say about this exchange finds in it."""
    view = view_of(exchange)
    return {r.id: r.findings(view if r.needs.protocol else exchange) for r in rules if r.needs.fits(exchange)}


def judge(
    exchanges: Sequence[Exchange],
    *,
    rules: Sequence[Rule] = ALL,
    dialect: Dialect = OPENAI,
    features: frozenset[str] | None = None,
    left_out: Mapping[str, str] | None = None,
    candidates: frozenset[str] = frozenset(),
) -> tuple[RuleVerdict, ...]:
    """One verdict per rule.

    `left_out` maps probes that were not made to the reason why; `candidates` are ids of rules that do not count.
    """
    views = {id(exchange): view_of(exchange) for exchange in exchanges}
    run = _Judged(exchanges, views, dialect, features, left_out or {})
    verdicts = (_judge_rule(rule, run) for rule in rules)
    return tuple(replace(v, candidate=True) if v.rule.id in candidates else v for v in verdicts)


def unused_tolerances(dialect: Dialect, verdicts: Iterable[RuleVerdict]) -> tuple[str, ...]:
    """Tolerances that no finding needed, though their rule was judged."""
    judged = [v for v in verdicts if v.verdict is not Verdict.NOT_APPLICABLE]
    needed = {id(f.tolerance) for v in judged for f in v.findings}
    unneeded = (tolerance for tolerance in dialect.tolerances if id(tolerance) not in needed)
    return tuple(str(tolerance) for tolerance in unneeded if any(tolerance.concerns(v.rule.id) for v in judged))


def timing_of(exchange: Exchange) -> Timing:
    """The times of an exchange."""
    return Timing(
        probe=exchange.probe,
        status=exchange.status,
        headers=exchange.head_at,
        first_message=exchange.steps[0].event.at if exchange.steps and exchange.status == 200 else None,
        end=exchange.ended_at,
        messages=len(exchange.steps),
        bytes=len(exchange.body),
        ending=exchange.ending.value,
        first_content=first_piece(exchange),
        tokens=tokens_of(exchange),
        arrivals=tuple(pieces(exchange)),
        late=max((late for _, late in exchange.late), default=0.0),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What all rules are judged by."""

    exchanges: Sequence[Exchange]
    views: Mapping[int, View]
    dialect: Dialect
    features: frozenset[str] | None
    left_out: Mapping[str, str]


def _judge_rule(rule: Rule, run: _Judged) -> RuleVerdict:
    need = rule.needs
    try:
        undeclared = run.features is not None and need.feature not in ("", *run.features)
        fitting = [] if undeclared else [exchange for exchange in run.exchanges if need.fits(exchange)]
        excuse = need.unless(run.exchanges) if need.unless and not undeclared else ""
        if not fitting or excuse:
            return _without_exchange(rule, run, excuse)
        blind = {id(exchange): need.blind(exchange) for exchange in fitting} if need.blind else {}
        if (seen := [exchange for exchange in fitting if not blind.get(id(exchange))]) != fitting:
            if not seen:
                return _unseen(rule, fitting, list(dict.fromkeys(blind.values())))
            fitting = seen
        found = []
        for exchange in fitting:
            subject = run.views[id(exchange)] if rule.needs.protocol else exchange
            found += [_judge_finding(f, rule, exchange, run.dialect) for f in rule.findings(subject)[:KEPT]]
    except Exception as error:  # noqa: BLE001 - a broken rule is a verdict of its own, and never a crash
        return RuleVerdict(rule, Verdict.SUITE_ERROR, reason=_describe(error))
    verdict = worst([Verdict.PASS, *(f.verdict for f in found)])
    reason = _reason(rule, verdict, found)
    probes = tuple(exchange.probe for exchange in fitting if exchange.probe)
    return RuleVerdict(rule, verdict, tuple(found), reason, probes)


def _unseen(rule: Rule, fitting: Sequence[Exchange], whys: Sequence[str]) -> RuleVerdict:
    """There are exchanges, but what the rule is about could not be seen in any."""
    reason = f"needs {rule.needs.name}, {SEEN_OF_IT} {'; '.join(whys)}"
    probes = tuple(exchange.probe for exchange in fitting if exchange.probe)
    return RuleVerdict(rule, Verdict.UNTESTABLE, (), reason, probes)


def _reason(rule: Rule, verdict: Verdict, found: Sequence[JudgedFinding]) -> str:
    if verdict is Verdict.TOLERATED:
        return next(f.reason for f in found if f.verdict is Verdict.TOLERATED)
    if rule.ignored and verdict in (Verdict.FAIL, Verdict.WARN) and not all(f.finding.obeyed for f in found):
        return f"silent failure: {rule.ignored} was accepted and ignored"
    return ""


def _judge_finding(finding: Finding, rule: Rule, exchange: Exchange, dialect: Dialect) -> JudgedFinding:
    verdict = BY_LEVEL[rule.level]
    tolerances = () if verdict is Verdict.PASS else dialect.tolerances
    tolerance = next((t for t in tolerances if t.covers(finding, exchange)), None)
    if tolerance is not None:
        verdict = Verdict.TOLERATED
    return JudgedFinding(finding, verdict, exchange.probe, exchange.source, tolerance)


def _without_exchange(rule: Rule, run: _Judged, excuse: str) -> RuleVerdict:
    """No exchange meets the rule's needs, or there is an excuse: tell whether that is the target's choice or fault."""
    need, exchanges, features = rule.needs, run.exchanges, run.features
    made = [exchange for exchange in exchanges if exchange.probe in need.probes]
    verdict = Verdict.NOT_APPLICABLE
    omitted = "" if made else next((run.left_out[name] for name in need.probes if name in run.left_out), "")
    if omitted or excuse:
        reason = omitted or excuse
    elif features is None:
        reason = f"needs {need.name}"
    elif need.feature and need.feature not in features:
        reason = f"feature {need.feature!r} is not declared"
    elif not made:
        reason = f"needs {need.name}, which no probe of this run asks for"
    else:
        verdict = Verdict.UNTESTABLE
        reason = f"needs {need.name}, but {_outcomes(made)}"
    return RuleVerdict(rule, verdict, (), reason, tuple(exchange.probe for exchange in made))


def _outcomes(exchanges: Sequence[Exchange]) -> str:
    """What came instead, each outcome once, with its probes."""
    probes: dict[str, list[str]] = {}
    for exchange in exchanges:
        probes.setdefault(_outcome(exchange), []).append(exchange.probe)
    return "; ".join(f"{outcome} ({', '.join(names)})" for outcome, names in probes.items())


def _outcome(exchange: Exchange) -> str:
    if exchange.watch is not None and exchange.watch.stopped is None:
        return exchange.watch.how
    if exchange.head is None:
        return f"no response ({exchange.ending.value})"
    return (
        f"status {exchange.status}, {exchange.head.media_type or 'no content type'}, ended by {exchange.ending.value}"
    )


def _describe(error: Exception) -> str:
    """Type, message and place of an error in a rule; nothing of the target's bytes beyond the message."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    return shorten(f"{type(error).__name__} at {place}: {error}")
