"""A campaign against one server: examples, what they find, and each kind of failure shrunk to what it needs.

Rounds: hypothesis draws examples until one shows a kind of failure that is not settled yet, and shrinks that; the next
round passes over it and looks for others, until all examples are spent. What failed in an earlier campaign comes first.
Knows no command line and prints nothing.
"""

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
from .cases import PLAIN, Case, Seen, cases, perform, plain_pair, smaller, with_wrong
from .interleaving import STEPS, Scene, Steps, again, fewer, machine_of
from .judging import Court
from .keeping import INTERRUPTED, KEY, Drawers, Nowhere
from .oracles import Fault, fault
from .relations import RELATIONS
from .requests import Offer
from .wrongs import in_order

SHRINKS = 120
"""Examples that are tried to make a failure smaller."""
HANGS = 30
"""How many of these may time out."""
INTERLEAVED = 5
"""One example in so many is of several streams at the same time."""
SWEPT = 40
"""Most of a hundred examples that have one thing wrong, each another one."""
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
KEPT = 100
"""Examples of an earlier campaign that are tried for each kind."""


class Dead(Exception):  # noqa: N818 - a state of the target
    """The server answers no more, and cannot be started again from here."""


class Enough(BaseException):  # noqa: N818 - hypothesis lets it pass, as it does Ctrl-C
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
    _drawers: Drawers = field(default_factory=lambda: Drawers(Nowhere(), "", ""))
    _last: int = 0
    """How many examples there are to be."""
    _tries: int = 0
    _hangs: int = 0

    # -- the rounds ----------------------------------------------------------------------------------------------

    def run(self) -> "Campaign":
        """Make the whole campaign. However it ends, what was found until then is here."""
        inner, order = self.order.database or Nowhere(), self.order
        requests = Drawers(inner, order.target, "requests"), self._find
        interleavings = Drawers(inner, order.target, "interleavings"), self._interleave
        try:
            for drawers, look in (requests, interleavings):
                self._replay(drawers, look)
            self._sweep(inner)
            self._search(*requests, order.examples - order.examples // INTERLEAVED)
            self._search(*interleavings, order.examples)
        except Over as over:
            self.ended = str(over)
        except Dead:
            self.ended = "the server answers no more"
        except KeyboardInterrupt:
            self.interrupted, self.ended = True, "interrupted"
        return self

    def _replay(self, drawers: Drawers, look: "Look") -> None:
        """What failed in an earlier campaign, first."""
        for kind in drawers.kinds():
            if kind in self.found:
                continue
            with self._hunting(drawers, kind):
                look(_settings(drawers, KEPT, Phase.reuse, Phase.shrink), "")
            if kind not in self.found:
                drawers.forget(kind)
                self.gone += [kind] if kind != INTERRUPTED else []
            self._settle(self.hunted)

    def _sweep(self, inner: ExampleDatabase) -> None:
        """Each relation, and each single thing that can be wrong, once: chance would not come by all of them."""
        chance = Random(f"{self.order.seed}/sweep")  # noqa: S311 - repeatable on purpose
        index = f"streamspec/{self.order.target}/wrongs".encode()
        kept = [name.decode("utf-8", "replace") for name in inner.fetch(index)]
        related = [plain_pair(one.name, self.offer, chance) for one in RELATIONS if one.applies(self.offer)]
        broken = [with_wrong(one.name, streamed=chance.random() < 0.5) for one in in_order(self.offer, chance, kept)]
        for case in [*related, *broken][: self.order.examples * SWEPT // 100]:
            self.hunted, self._last = "", self.order.examples
            try:
                shown = self._shows(case)
            except KeyboardInterrupt:
                inner.save(index, case.wrong.encode())
                raise
            if shown:
                inner.save(index, case.wrong.encode())
                self._settle(self.hunted)

    def _search(self, drawers: Drawers, look: "Look", last: int) -> None:
        """Draw examples until there were so many, and shrink each new kind of failure."""
        self._last, number = last, 0
        while self.examples < self._last and len(self.found) < KINDS:
            before = self.examples
            with self._hunting(drawers, ""):
                look(
                    _settings(drawers, self._last - self.examples, Phase.generate, Phase.shrink),
                    f"{self.order.seed}/{number}",
                )
            if not self.hunted and self.examples == before:
                break  # there is nothing that was not tried
            self._settle(self.hunted)
            number += 1

    def _find(self, how: settings, seed_text: str) -> None:
        """A round of requests."""
        chance = Random(seed_text) if seed_text else None  # noqa: S311 - repeatable on purpose
        find(cases(self.offer), self._shows, settings=how, random=chance, database_key=KEY)

    def _interleave(self, how: settings, seed_text: str) -> None:
        """A round of interleavings."""
        machine = machine_of(self._scene, self._end_of_scene, self.offer)
        if seed_text:
            seed(Random(seed_text).getrandbits(64))(machine)  # noqa: S311
        run_state_machine_as_test(machine, settings=settings(how, stateful_step_count=STEPS))

    @contextmanager
    def _hunting(self, drawers: Drawers, kind: str) -> Iterator[None]:
        self.hunted = drawers.kind = kind
        self._drawers, self._tries, self._hangs = drawers, 0, 0
        patience = self.asker.patience
        try:
            with suppress(NoSuchExample, Flaky, Enough, Shown):
                yield
        finally:
            self.asker.patience = patience
            drawers.kind = ""

    # -- one example ---------------------------------------------------------------------------------------------

    def _shows(self, case: Case) -> bool:
        """Whether a case shows the kind that is hunted, or, where none is, one that is new: that is hunted then."""
        self._begin()
        with self._kept_if_interrupted():
            seen = perform(self.asker, self.court, self.offer, case)
            self._mind(seen)
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
        with self._kept_if_interrupted():
            self._mind(seen)
        if self._weigh(Steps(tuple(scene.steps)), seen):
            raise Shown

    def _begin(self) -> None:
        if not self.hunted:
            if self.examples >= self._last:
                raise Enough  # hypothesis counts those alone that it calls valid
            self.examples += 1
        elif self._tries >= SHRINKS or self._hangs >= HANGS:
            self._drawers.kind = ""
            raise Enough
        else:
            self._tries += 1
        self.order.on_step(self)

    @contextmanager
    def _kept_if_interrupted(self) -> Iterator[None]:
        """hypothesis keeps what is under way when somebody presses Ctrl-C: it may be a hang."""
        try:
            yield
        except KeyboardInterrupt:
            self._drawers.kind = self._drawers.kind or INTERRUPTED
            raise

    def _weigh(self, case: Case | Steps, seen: Seen) -> bool:
        faults = {fault.kind: fault for fault in reversed(seen.faults)}
        kinds = seen.kinds()
        if self.hunted in ("", INTERRUPTED):
            self.met.update(faults.keys())
            for one in seen.faults:
                if not one.red:
                    self.remarks.setdefault(one.kind, Found(one, case, seen, self.examples))
            new = [kind for kind in kinds if kind not in self.found]
            self.hunted = self._drawers.kind = new[0] if new else self.hunted
        if self.hunted not in faults:
            return False
        self._keep(case, seen, faults[self.hunted])
        return True

    def _keep(self, case: Case | Steps, seen: Seen, one: Fault) -> None:
        known = self.found.get(one.kind)
        self.found[one.kind] = Found(one, case, seen, known.example if known else self.examples)
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
        for _ in range(REPEATS):
            known.of += 1
            known.times += kind in self.again(known.case).kinds()
        if self.order.first:
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
            for less in smaller(before) if isinstance(before, Case) else fewer(before):
                seen = self.again(less)
                self.order.on_step(self)
                one = next((fault for fault in seen.faults if fault.kind == known.fault.kind), None)
                if one is not None:
                    known.case, known.seen, known.fault = less, seen, one
                    break


Look = Callable[[settings, str], None]
"""One round: how hypothesis is set, and what its chance is made of."""


def _settings(drawers: Drawers, examples: int, *phases: Phase) -> settings:
    """A network is slow, and that is no mistake of a test: no deadlines, no health checks."""
    more: dict[str, Any] = {"backend": "hypothesis"}
    return settings(
        max_examples=max(1, examples),
        database=drawers,
        phases=phases,
        deadline=None,
        derandomize=False,
        verbosity=Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        **more,
    )
