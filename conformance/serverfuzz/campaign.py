"""A campaign against one server: examples, what they find, and each kind of failure shrunk to what it needs.

Rounds: hypothesis draws examples until one shows a kind of failure that is not settled yet, and shrinks that; the next
round passes over it and looks for others, until all examples are spent. What failed in an earlier campaign comes first.
Knows no command line and prints nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, find, seed, settings
from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.stateful import run_state_machine_as_test

from . import oracles
from .asking import Asker, Over
from .cases import PLAIN, Case, Seen, cases, perform, plain_pair, smaller, with_corner, with_wrong
from .corners import corners
from .interleaving import STEPS, Scene, Steps, again, fewer, machine_of
from .judging import Court
from .keeping import Shelf
from .oracles import Fault, fault
from .relations import RELATIONS
from .requests import Offer
from .wrongs import in_order

SHRINKS = 120
"""Examples that are tried to make a failure smaller."""
HANGS = 30
"""How many of these may time out."""
INTERLEAVED = 8
"""One example in so many is of several streams at the same time."""
SWEPT = 60
"""Of a hundred examples so many at most go through lists: relations, unusual requests, things that are wrong."""
KINDS = 30
"""Kinds of failures that are shrunk; a server with more of them is told so."""
REPEATS = 3
"""Times that a shrunk failure is brought about again, to say how often it comes."""
HASTE = 3.0
"""While a hang is shrunk, an answer is waited for this many times as long as the slowest one took."""
SOON = 1.0
"""But not less than so many seconds."""
SLOW = ("fuzz/in-time", "fuzz/alive")
"""Kinds that take all the patience there is each time they show."""


class Dead(Exception):  # noqa: N818 - a state of the target
    """The server answers no more, and cannot be started again from here."""


class Enough(BaseException):
    """A failure was shrunk for long enough."""


class Shown(Exception):  # noqa: N818 - how a state machine says so
    """An interleaving shows what is hunted."""


@dataclass(slots=True)
class Found:
    """A kind of failure, and the smallest example that shows it."""

    fault: Fault
    case: Case | Steps
    seen: Seen
    example: int
    """How many examples had been tried when it was found; 0: kept from an earlier campaign."""
    times: int = 0
    """How often the shrunk example showed it, of `of` times."""
    of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of a campaign."""

    examples: int = 500
    first: bool = False
    """The first failure is enough."""
    seed: int = 0
    target: str = "target"
    """What its examples are kept under."""
    database: ExampleDatabase | None = None
    record_to: Path | None = None
    """Each kind of failure is recorded in a folder of its own in this one."""
    on_step: Callable[["Campaign"], None] = lambda _: None
    """Called after each example and each step of shrinking."""


@dataclass(slots=True)
class Campaign:
    """What has been found so far; what is interrupted keeps it."""

    asker: Asker
    court: Court
    offer: Offer
    order: Order
    found: dict[str, Found] = field(default_factory=dict)
    remarks: dict[str, Found] = field(default_factory=dict)
    """What does not count: the first example of each."""
    gone: list[str] = field(default_factory=list)
    """Kinds that were kept and do not show any more."""
    examples: int = 0
    met: Counter[str] = field(default_factory=Counter)
    """How many examples showed each kind, before and after it was settled."""
    ended: str = ""
    """Why the campaign ended early, "" where it did not."""
    interrupted: bool = False
    hunted: str = ""
    """The kind that is being shrunk."""
    scenes: int = 0
    _last: int = 0
    """How many examples there are to be."""
    _tries: int = 0
    _hangs: int = 0

    @property
    def shelf(self) -> Shelf:
        """Where failing examples are kept."""
        return Shelf(self.order.database, self.order.target)

    # -- the rounds ----------------------------------------------------------------------------------------------

    def run(self) -> "Campaign":
        """Make the whole campaign. However it ends, what was found until then is here."""
        order = self.order
        try:
            self._replay()
            self._sweep()
            self._search(self._find, order.examples - order.examples // INTERLEAVED)
            self._search(self._interleave, order.examples)
        except Over as over:
            self.ended = str(over)
        except Dead:
            self.ended = "the server answers no more"
        except KeyboardInterrupt:
            self.interrupted, self.ended = True, "interrupted"
        return self

    def _replay(self) -> None:
        """What failed in an earlier campaign, first."""
        for case in self.shelf.examples():
            with self._hunting():
                seen = self.again(case)
                new = [kind for kind in seen.kinds() if kind not in self.found]
                for kind in new:
                    fault = next(fault for fault in seen.faults if fault.kind == kind)
                    self.found[kind] = Found(fault, case, seen, 0)
                    self._settle(kind)
            if not seen.kinds():
                self.gone.append(case.says)
                self.shelf.drop(case)

    def _sweep(self) -> None:
        """Each relation, each unusual thing and each that is wrong, once: chance would not come by all of them."""
        chance = Random(f"{self.order.seed}/sweep")  # noqa: S311 - repeatable on purpose
        self._last = self.order.examples
        related = [plain_pair(one.name, self.offer, chance) for one in RELATIONS if one.applies(self.offer)]
        unusual = [with_corner(corner) for corner in corners(self.offer)]
        broken = [with_wrong(one.name, streamed=chance.random() < 0.5) for one in in_order(self.offer, chance)]
        for case in [*related, *unusual, *broken][: self.order.examples * SWEPT // 100]:
            with self._hunting():
                shown = self._shows(case)
            if shown:
                self._settle(self.hunted)

    def _search(self, look: Callable[[settings, Random], None], last: int) -> None:
        """Draw examples until there were so many, and shrink each new kind of failure."""
        self._last, number = last, 0
        while self.examples < self._last and len(self.found) < KINDS:
            before = self.examples
            chance = Random(f"{self.order.seed}/{number}")  # noqa: S311 - repeatable on purpose
            with self._hunting():
                look(_settings(self._last - self.examples), chance)
            if not self.hunted and self.examples == before:
                break  # there is nothing that was not tried
            self._settle(self.hunted)
            number += 1

    def _find(self, how: settings, chance: Random) -> None:
        """A round of requests."""
        find(cases(self.offer), self._shows, settings=how, random=chance)

    def _interleave(self, how: settings, chance: Random) -> None:
        """A round of interleavings."""
        machine = machine_of(self._scene, self._end_of_scene, self.offer)
        seed(chance.getrandbits(64))(machine)
        run_state_machine_as_test(machine, settings=settings(how, stateful_step_count=STEPS))

    @contextmanager
    def _hunting(self) -> Iterator[None]:
        """A round: nothing is hunted yet."""
        self.hunted = ""
        self._tries, self._hangs = 0, 0
        patience = self.asker.patience
        try:
            with suppress(NoSuchExample, Flaky, Enough, Shown):
                yield
        finally:
            self.asker.patience = patience

    # -- one example ---------------------------------------------------------------------------------------------

    def _shows(self, case: Case) -> bool:
        """Whether a case shows the kind that is hunted, or, where none is, one that is new: that is hunted then."""
        self._begin()
        try:
            seen = perform(self.asker, self.court, self.offer, case)
            self._mind(seen)
        except KeyboardInterrupt:
            self.shelf.keep(case)  # what is under way when somebody presses Ctrl-C may be a hang
            raise
        return self._weigh(case, seen)

    def _scene(self) -> Scene:
        """An interleaving begins."""
        self._begin()
        if self.asker.cheap:
            self.asker.revive()
        self.scenes += 1
        return Scene(self.asker, self.court, f"{self.order.seed}/{self.scenes}")

    def _end_of_scene(self, scene: Scene) -> None:
        """An interleaving has shown something. Raises Shown where it is what is hunted."""
        seen = scene.seen()
        self._mind(seen)
        if self._weigh(Steps(tuple(scene.steps)), seen):
            raise Shown

    def _begin(self) -> None:
        if not self.hunted:
            if self.examples >= self._last:
                raise Enough  # hypothesis counts those alone that it calls valid
            self.examples += 1
        elif self._tries >= SHRINKS or self._hangs >= HANGS:
            raise Enough
        else:
            self._tries += 1
        self.order.on_step(self)

    def _weigh(self, case: Case | Steps, seen: Seen) -> bool:
        faults = {fault.kind: fault for fault in reversed(seen.faults)}
        kinds = seen.kinds()
        if not self.hunted:
            self.met.update(faults.keys())
            for one in seen.faults:
                if not one.red:
                    self.remarks.setdefault(one.kind, Found(one, case, seen, self.examples))
            new = [kind for kind in kinds if kind not in self.found]
            self.hunted = new[0] if new else ""
        if self.hunted not in faults:
            return False
        self._keep(case, seen, faults[self.hunted])
        return True

    def _keep(self, case: Case | Steps, seen: Seen, one: Fault) -> None:
        known = self.found.get(one.kind)
        self.found[one.kind] = Found(one, case, seen, known.example if known else self.examples)
        self.shelf.keep(case)
        if known is not None and known.case != case:
            self.shelf.drop(known.case)
        if one.rule in SLOW:
            self._hangs += 1
            self.asker.patience = min(self.asker.patience, max(SOON, HASTE * self.asker.slowest))

    def _mind(self, seen: Seen) -> None:
        """After an answer that did not come, see whether the server lives. Raises Dead where it does not."""
        if all(exchange.head is not None for exchange in seen.exchanges):
            return
        if self.asker.ask(PLAIN).head is not None:
            return
        last = fault(oracles.ALIVE, "an answer to the plainest request", "none")
        seen.faults = [last]
        if not self.asker.revive():
            self.found.setdefault(last.kind, Found(last, Steps(()), seen, self.examples))
            raise Dead

    # -- what was found ------------------------------------------------------------------------------------------

    def _settle(self, kind: str) -> None:
        """Take away what the failure does not need, and see how often it shows."""
        if (known := self.found.get(kind)) is None:
            return
        self._slim(known)
        folder = self.order.record_to / folder_of(kind) if self.order.record_to else None
        for number in range(1, REPEATS + 1):
            last = number == REPEATS
            shown = kind in self.again(known.case, folder if last else None).kinds()
            known.of, known.times = number, known.times + shown
        if not known.times and known.fault.rule in SLOW:
            del self.found[kind]  # a machine that was busy for a while is no failure of the server's
            self.remarks[kind] = known
        elif self.order.first:
            raise Over("the first failure was enough")

    def again(self, case: Case | Steps, record_to: Path | None = None) -> Seen:
        """Make an example once more."""
        if isinstance(case, Case):
            seen = perform(self.asker, self.court, self.offer, case, record_to)
        else:
            if self.asker.cheap:
                self.asker.revive()
            self.scenes += 1
            seen = again(self.asker, self.court, f"{self.order.seed}/{self.scenes}", case, record_to).seen()
        self._mind(seen)
        return seen

    def _slim(self, known: Found) -> None:
        """Leave out what can be left out, one thing at a time: also members that every case has, and whole streams."""
        before = None
        while before != known.case:
            before = known.case
            for less in smaller(before, known.seen) if isinstance(before, Case) else fewer(before):
                seen = self.again(less)
                self.order.on_step(self)
                one = next((fault for fault in seen.faults if fault.kind == known.fault.kind), None)
                if one is not None:
                    self.shelf.keep(less)
                    self.shelf.drop(before)
                    known.case, known.seen, known.fault = less, seen, one
                    break


def folder_of(kind: str) -> str:
    """The name of the folder that a kind of failure is recorded in."""
    return re.sub("[^a-z0-9]+", "-", kind.lower()).strip("-")[:80]


def _settings(examples: int) -> settings:
    """A network is slow, and that is no mistake of a test: no deadlines, no health checks. Failures are kept by us."""
    more: dict[str, Any] = {"backend": "hypothesis"}
    return settings(
        max_examples=max(1, examples),
        database=None,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
        derandomize=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        **more,
    )
