"""How fast a server speaks: waits put between the acts of an answer. Knows no clock; whoever plays the acts waits."""

from dataclasses import dataclass, replace

from conformance.wire.script import Act, Answer, Send, Wait


@dataclass(frozen=True, slots=True)
class Pacing:
    """Seconds of silence."""

    first: float = 0.0
    """Before the first event."""
    gap: float = 0.0
    """Between two events."""


def paced(answer: Answer, pacing: Pacing) -> Answer:
    """The same answer, more slowly."""
    acts: list[Act] = []
    pause = pacing.first
    for act in answer.acts:
        if isinstance(act, Send):
            if pause > 0:
                acts.append(Wait(pause))
            pause = pacing.gap
        acts.append(act)
    return replace(answer, acts=tuple(acts))
