"""A campaign of examples that hypothesis makes, each failure shrunk. Knows neither processes nor recordings.

The same seed gives the same examples in the same order, whatever the client makes of them: all are tried first, kind by
kind, and then made again up to the one that is to be shrunk; that costs no run, as what is known is not played again.
What failed in an earlier campaign is tried before, and changes nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from unittest import SkipTest

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.database import DirectoryBasedExampleDatabase

from conformance.protocols.reading import exchange_of

from .case import STALL, Case
from .examples import KINDS, Kind, examples, is_silent, mark, shares
from .outcome import Outcome, Verdict
from .playing import Result
from .signs import joined

BUDGET = 400
"""What may be spent on shrinking one failure: 1 for a run, more for those that take long."""
COST_OF_SILENCE, COST_OF_HANG = 15, 30


class AlarmError(AssertionError):
    """A client failed in the way that is being shrunk."""


ORDER = hypothesis.settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
    print_blob=False,
    report_multiple_bugs=False,
)
"""A client is slow, and its processes start when they will: no deadline, no health check tells anything of it."""


@dataclass(slots=True)
class Search:
    """A campaign, and what it came to so far; to be read also where it was interrupted."""

    play: Callable[[Case], Result]
    wanted: int
    told: Callable[[Result], None] = lambda _: None
    played: int = 0
    """Examples so far, those of earlier campaigns and those of shrinking left out."""
    replayed: int = 0
    """Runs of examples that failed in an earlier campaign."""
    smallest: dict[Outcome, Result] = field(default_factory=dict)
    """The smallest failure of each kind of outcome."""
    found: dict[tuple[Outcome, str], int] = field(default_factory=dict)
    """How many examples failed, by the outcome and the kind of example."""
    _known: dict[str, Result] = field(default_factory=dict)
    _digest: list[str] = field(default_factory=list)
    _places: dict[Outcome, Kind] = field(default_factory=dict)
    """Where the smallest failure of an outcome was made."""

    @property
    def campaign(self) -> str:
        """A mark of all examples in their order: the same seed gives the same."""
        return sha256("".join(self._digest).encode()).hexdigest()[:16]

    def run(self, seed: int, database: Path) -> None:
        """Try what failed before, then `wanted` new examples; shrink what fails. May be interrupted."""
        for kind in KINDS:
            if (database / kind.name).is_dir():
                self._go(kind, seed, _settings(1000, Phase.reuse, kept=database / kind.name), self._again)
        for kind, share in shares(self.wanted):
            if share:
                self._all_of(kind, share, seed, database / kind.name)
        kinds = dict(shares(self.wanted))
        for outcome, kind in self._places.items():
            phases = _settings(kinds[kind], Phase.generate, Phase.shrink, kept=database / kind.name)
            self._go(kind, seed, phases, _Shrinking(self, outcome).take)

    def _all_of(self, kind: Kind, share: int, seed: int, folder: Path) -> None:
        """New examples of a kind. One that failed is kept for each outcome, also where this is interrupted."""
        try:
            self._go(kind, seed, _settings(share, Phase.generate), self._new)
        finally:
            for outcome in [outcome for outcome, name in self.found if name == kind.name]:
                keeping = _settings(share, Phase.generate, kept=folder)
                self._go(kind, seed, keeping, _Shrinking(self, outcome, spent=BUDGET).take)

    def _go(self, kind: Kind, seed: int, settings: hypothesis.settings, take: Callable[[Kind, Case], None]) -> None:
        @settings  # outermost, as a seed takes the database away
        @hypothesis.seed(seed)
        @hypothesis.given(examples(kind))
        def survives(case: Case) -> None:
            take(kind, case)

        with suppress(AlarmError, SkipTest):  # skipped: nothing had failed before
            survives()

    def result(self, case: Case) -> Result:
        """What the client makes of it: a case is played once."""
        key = mark(case)
        if key not in self._known:
            self._known[key] = self.play(case)
        return self._known[key]

    def known(self, case: Case) -> Result | None:
        """What it made of it, if it was played."""
        return self._known.get(mark(case))

    def _again(self, _: Kind, case: Case) -> None:
        self.replayed += 1
        result = self.result(case)
        if result.verdict is Verdict.FAIL:
            self.keep(result)
            raise AlarmError

    def _new(self, kind: Kind, case: Case) -> None:
        result = self.result(case)
        self.played += 1
        self._digest.append(mark(case))
        self.told(result)
        if result.verdict is Verdict.FAIL:
            place = result.outcome, kind.name
            self.found[place] = self.found.get(place, 0) + 1
            if self.keep(result):
                self._places[result.outcome] = kind

    def keep(self, result: Result) -> bool:
        """Keep a failure if it is the smallest of its outcome so far; whether it is."""
        best = self.smallest.get(result.outcome)
        if best is not None and size(best.case) <= size(result.case):
            return False
        self.smallest[result.outcome] = result
        return True


@dataclass(slots=True)
class _Shrinking:
    """Makes the examples of a kind again, and takes one outcome for a failure. With all spent, nothing is played."""

    search: Search
    outcome: Outcome
    spent: int = 0

    def take(self, _: Kind, case: Case) -> None:
        """One example, or a smaller form of one. Raises AlarmError."""
        result = self.search.known(case)
        if result is None:
            if self.spent >= BUDGET:
                return
            result = self.search.result(case)
            hangs = result.outcome is Outcome.HANG
            self.spent += COST_OF_HANG if hangs else COST_OF_SILENCE if is_silent(case) else 1
        if result.verdict is Verdict.FAIL and result.outcome is self.outcome:
            self.search.keep(result)
            raise AlarmError


def _settings(examples: int, *phases: Phase, kept: Path | None = None) -> hypothesis.settings:
    """`kept` is the folder in which failures are kept; without one they are not."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    database = DirectoryBasedExampleDatabase(kept) if kept is not None else None
    return hypothesis.settings(ORDER, max_examples=examples, phases=phases, database=database)


def size(case: Case) -> tuple[int, int, int]:
    """By what one failure is smaller than another: events, bytes, pieces."""
    exchange = exchange_of(case.request, joined(case.played), time_limit=STALL - 1)
    return len(exchange.events), len(exchange.body), len(case.played.acts)
