"""Streams that are opened, read, left and finished in any order: a state machine of hypothesis, and what has to hold.

Each stream is to repeat a word of its own: a word of another one that is open means that they are mixed up, one of a
stream that was left means that something of it stayed behind. What a model does not repeat cannot show. Every stream
that is read to its end is judged by the rules, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, multiple, precondition, rule

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import show
from conformance.protocols.markers import shown_by
from conformance.protocols.viewing import view_of

from . import oracles
from .asking import Asker
from .cases import Seen
from .judging import Court
from .oracles import Fault, fault
from .requests import Offer
from .streams import Stream, stream_of

MOST = 4
"""Streams that are open at the same time, where the target does not say how many it works on."""
STEPS = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to one stream."""

    does: str
    """open, read, leave or finish."""
    stream: int
    messages: int = 0
    choices: int = 0

    def __str__(self) -> str:
        more = f" {self.messages} messages" if self.does == "read" else " with n 2" if self.choices > 1 else ""
        return f"{self.does} stream {self.stream}{more}"


@dataclass(frozen=True, slots=True)
class Steps:
    """What is done, in order."""

    steps: tuple[Step, ...]

    @property
    def says(self) -> str:
        """In words."""
        return ", ".join(map(str, self.steps))


@dataclass(slots=True)
class Scene:
    """The streams of one example, and what was wrong with them."""

    asker: Asker
    court: Court
    secret: str
    record_to: Path | None = None
    streams: list[Stream] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def do(self, step: Step) -> None:
        """Make a step, and see what it shows."""
        self.steps.append(step)
        match step.does:
            case "open":
                self._open(step)
            case "read":
                self.asker.run(self.streams[step.stream].read(step.messages))
            case "leave":
                self.asker.run(self.streams[step.stream].leave())
            case _:
                self.asker.run(self.streams[step.stream].finish())
        self._look(self.streams[step.stream])

    def seen(self) -> Seen:
        """What came so far."""
        return Seen([stream.exchange for stream in self.streams if stream.exchange is not None], self.faults)

    def end(self) -> None:
        """Leave what is still open."""
        for stream in self.streams:
            if stream.open:
                self.do(Step("leave", stream.number))

    def _open(self, step: Step) -> None:
        self.asker.spend()
        more: dict[str, Any] = {"n": step.choices, "temperature": 1} if step.choices > 1 else {}
        file = self.record_to / f"stream-{step.stream}.jsonl" if self.record_to else None
        secret = f"{self.secret}/{step.stream}"
        stream = stream_of(self.asker, step.stream, secret, more, file)
        self.streams.append(stream)
        self.asker.run(stream.begin())

    def _look(self, stream: Stream) -> None:
        exchange = stream.exchange
        if exchange is None:
            return
        if exchange.ending is not Ending.LEFT or not stream.left:
            self.faults += self.court.faults_of(exchange)
            self.faults += self._whole(exchange)
        self.faults += self._words(stream, exchange)
        self.faults += self._ids(stream, exchange)

    def _whole(self, exchange: Exchange) -> list[Fault]:
        view = view_of(exchange)
        if exchange.status != 200 or exchange.ending is Ending.TIMEOUT or view.completed:
            return []
        return [fault(oracles.FINISHES, "a stream that comes to its end", f"its end by {exchange.ending.value}")]

    def _words(self, stream: Stream, exchange: Exchange) -> list[Fault]:
        text = shown_by(exchange)
        for other in self.streams:
            if other is not stream and other.word in text:
                oracle = oracles.STALE if other.left else oracles.OWN_TEXT
                whose = f"stream {other.number}, which was left" if other.left else f"stream {other.number}"
                return [fault(oracle, f"{show(stream.word)} alone", f"{show(other.word)}, the word of {whose}")]
        return []

    def _ids(self, stream: Stream, exchange: Exchange) -> list[Fault]:
        own = _id_of(exchange)
        for other in self.streams:
            theirs = _id_of(other.exchange) if other.exchange is not None else ""
            if other is not stream and own and own == theirs:
                return [fault(oracles.OWN_ID, "an id of its own", f"{show(own)}, as of stream {other.number}")]
        return []


def _id_of(exchange: Exchange) -> str:
    found = next((step.chunk.get("id") for step in exchange.steps if step.chunk), "")
    return found if isinstance(found, str) else ""


class Interleaving(RuleBasedStateMachine):
    """The machine. What it is played on is put in by `machine_of`."""

    begin: ClassVar[Callable[[], Scene]]
    """Gives the scene of each example."""
    end: ClassVar[Callable[[Scene], None]]
    """Is told what became of it, and may raise."""
    most: ClassVar[int]
    """Streams that are open at the same time."""
    several: ClassVar[bool]
    """Some streams have two choices."""
    opened: Bundle[int] = Bundle("opened")

    def __init__(self) -> None:
        super().__init__()
        self.scene = type(self).begin()

    def _does(self, step: Step) -> None:
        self.scene.do(step)
        if self.scene.faults:
            type(self).end(self.scene)

    @precondition(lambda self: sum(stream.open for stream in self.scene.streams) < self.most)
    @rule(target=opened, several=st.booleans())
    def open(self, several: bool) -> int:
        """Ask for a stream, and do not wait for it."""
        number = len(self.scene.streams)
        self._does(Step("open", number, choices=2 if several and self.several else 0))
        return number

    @rule(target=opened, stream=consumes(opened), messages=st.integers(1, 6))
    def read(self, stream: int, messages: int) -> Any:
        """Wait for a few messages of one."""
        if not self.scene.streams[stream].open:
            return multiple()
        self._does(Step("read", stream, messages))
        return stream if self.scene.streams[stream].open else multiple()

    @rule(stream=consumes(opened))
    def leave(self, stream: int) -> None:
        """Close the connection of one."""
        if self.scene.streams[stream].open:
            self._does(Step("leave", stream))

    @rule(stream=consumes(opened))
    def finish(self, stream: int) -> None:
        """Read one to its end."""
        if self.scene.streams[stream].open:
            self._does(Step("finish", stream))

    def teardown(self) -> None:
        """All others are left; then a last one is opened and read to its end, whatever came before."""
        if self.scene.faults:
            self.scene.end()
            return
        self.scene.end()
        number = len(self.scene.streams)
        self._does(Step("open", number))
        self._does(Step("finish", number))


def machine_of(begin: Callable[[], Scene], end: Callable[[Scene], None], offer: Offer) -> type[RuleBasedStateMachine]:
    """The machine for one target."""
    members = {
        "begin": staticmethod(begin),
        "end": staticmethod(end),
        "most": min(MOST, offer.slots or MOST),
        "several": offer.takes("choices"),
    }
    return type("Played", (Interleaving,), members)


def again(asker: Asker, court: Court, secret: str, case: Steps, record_to: Path | None = None) -> Scene:
    """The same steps once more, with other words."""
    scene = Scene(asker, court, secret, record_to)
    try:
        for step in case.steps:
            scene.do(step)
    finally:
        scene.end()
    return scene


def fewer(case: Steps) -> Iterator[Steps]:
    """The same steps with one stream less, one reading less, or one choice less, for each there is."""
    for number in dict.fromkeys(step.stream for step in case.steps):
        kept = [step for step in case.steps if step.stream != number]
        yield Steps(tuple(replace(s, stream=s.stream - (s.stream > number)) for s in kept))
    for place, step in enumerate(case.steps):
        rest = case.steps[:place], case.steps[place + 1 :]
        if step.does == "read":
            yield Steps((*rest[0], *rest[1]))
        if step.choices:
            yield Steps((*rest[0], replace(step, choices=0), *rest[1]))
