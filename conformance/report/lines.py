"""What summaries of stored reports say, in lines of plain text: one writes them to a terminal, one as Markdown.

Renders no markup, decides nothing.
"""

from collections import Counter
from collections.abc import Sequence

from conformance.verdicts import BY_WEIGHT

from .comparing import Change, Comparison
from .ranking import Trouble
from .stored import StoredTarget

WORDS = {
    Change.NEW: "new",
    Change.STILL: "still there",
    Change.FIXED: "fixed",
    Change.UNJUDGED: "not judged any more",
}


def counts_of(target: StoredTarget) -> str:
    """How many rules got which verdict, worst first."""
    counts = Counter(rule.verdict for rule in target.rules)
    return ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in BY_WEIGHT if counts[verdict])


def outcome_of(target: StoredTarget) -> str:
    """Whether it is red, in two words."""
    if target.red_rules:
        return f"{len(target.red_rules)} red"
    return "red" if target.red else "nothing red"


def problems_of(target: StoredTarget) -> list[str]:
    """What makes a run red besides its rules."""
    named = [f"the known failure {each} names nothing" for each in target.unmatched]
    return [*([target.problem] if target.problem else []), *named]


def place_of(trouble: Trouble, names: Sequence[str]) -> str:
    """Where it shows: the first place, how many probes, and which targets where there are several."""
    parts = []
    if (found := trouble.finding) is not None:
        first = [f"probe {found.probe}"] if found.probe else []
        first += [f"event {found.event} of {found.events}" if found.events else f"event {found.event}"] * bool(
            found.event
        )
        first += [f"bytes {found.span[0]}-{found.span[1]}"] if found.span else []
        parts.append(", ".join(first))
    if trouble.probes > 1:
        parts.append(f"{trouble.probes} probes")
    if len(names) > 1:
        parts.append("on " + ", ".join(names[column] for column in trouble.columns))
    return "; ".join(filter(None, parts))


def differences_of(comparison: Comparison) -> str:
    """How much is new, fixed, and so on."""
    counts = [(WORDS[change], len(comparison.of(change))) for change in Change]
    said = [f"{count} {word}" for word, count in counts if count]
    said += [f"{len(names)} targets {word}" for names, word in _targets(comparison) if names]
    return ", ".join(said) or "no difference"


def _targets(comparison: Comparison) -> Sequence[tuple[Sequence[str], str]]:
    return ((comparison.targets_added, "were not there before"), (comparison.targets_gone, "are not there any more"))
