"""What a trial is: what is done, what it needs, and what it costs. Knows no socket and no trial by name."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import Enum

from conformance.probes.bench import Bench, Tempo
from conformance.protocols.exchange import Exchange


class Part(Enum):
    """What a trial is about; a profile can leave out a part."""

    LEAVING = "cancellation"
    CROWD = "concurrency"
    PACE = "timing"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a trial takes from a healthy server, estimated beforehand."""

    seconds: float
    tokens: int
    """That a server makes which stops when its client leaves."""
    tokens_at_worst: int
    """That one makes which never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Several exchanges that mean something together. They are made after the probes, one trial at a time."""

    name: str
    """Also the probe of its first exchange; the others are NAME/2, NAME/3 ..."""
    says: str
    """What is done, in words, for reports."""
    part: Part
    cost: Callable[[Tempo, int], Cost]
    """Given the target's pace and its slots (0: not declared)."""
    perform: Callable[[Bench], Awaitable[list[Exchange]]]
    """The first of the exchanges has the others as its group. Raises nothing on what a peer does."""
    feature: str = ""
    another_feature: str = ""
    apart: bool = True
    """Nothing else may run meanwhile. False: it may run beside others where the observer tells requests apart."""

    def runs_on(self, features: Collection[str]) -> bool:
        """Whether a target that declares these features gets this trial."""
        return {self.feature, self.another_feature} <= {"", *features}
