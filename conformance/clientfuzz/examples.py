"""Cases for hypothesis: a good stream, and at most one thing that is odd about it. Knows no client.

What is expected of a client is not drawn with it: that follows from the bytes, as for every case.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from hypothesis import strategies as st

from conformance.protocols.chat.emitter import DONE
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Reset, Send, Wait, body, whole
from conformance.wire.spelling import Spelling

from . import cuts, legal, mutants, spelling, splits, transport
from .case import STALL, Case
from .streams import TEXT, Stream, chunk, document, says
from .walking import good_streams

Oddity = tuple[str, str, Answer, bool]
"""What kind it is, what it is, what is played, and whether that is legal."""


Change = Callable[[st.DrawFn, Stream], Oddity]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be odd."""

    name: str
    weight: int
    """How many of all examples are of this kind, in proportion."""
    change: Change
    most: int = 1_000_000
    """Examples of a campaign: those with silences cost the client's own time limit each."""


@st.composite
def examples(draw: st.DrawFn, kind: Kind) -> Case:
    """A case of this kind."""
    stream = draw(good_streams())
    name, explanation, played, is_legal = kind.change(draw, stream)
    return Case(
        id=f"example/{name}",
        says=explanation,
        request=stream.request,
        good=stream.answer,
        played=whole(played),
        legal=is_legal,
        authority="sse" if is_legal else "suite",
    )


def shares(count: int) -> list[tuple[Kind, int]]:
    """How many examples of each kind make so many, no more of any than it may have."""
    total, given, passed = sum(kind.weight for kind in KINDS), 0, 0
    found = []
    for kind in KINDS:
        passed += kind.weight
        upto = count * passed // total
        found.append((kind, min(upto - given, kind.most)))
        given = upto
    lacking = count - sum(share for _, share in found)
    return [(kind, share + lacking if kind is KINDS[FILLER] else share) for kind, share in found]


def mark(case: Case) -> str:
    """What two cases have in common that are the same to a client."""
    acts = whole(case.played)
    shown = sha256(repr((acts.status, acts.headers, acts.framing, acts.before, acts.acts, case.legal)).encode())
    return shown.hexdigest()


def is_silent(case: Case) -> bool:
    """Whether a client has to wait for its own time limit."""
    return any(isinstance(act, Wait) and act.seconds >= STALL for act in (*case.played.before, *case.played.acts))


def _plain(draw: st.DrawFn, stream: Stream) -> Oddity:
    framing = draw(st.sampled_from([Framing.CHUNKED, Framing.CLOSE]))
    return "plain", "a plain stream", replace(stream.answer, framing=framing), True


def _split(draw: st.DrawFn, stream: Stream) -> Oddity:
    names = [name for name in splits.SPLITS if splits.applies(name, stream.answer)]
    name = draw(st.sampled_from(names))
    return f"split/{name}", f"cut into pieces: {name.replace('-', ' ')}", splits.SPLITS[name](stream.answer), True


def _spelled(*sorts: str) -> Change:
    """In some other spelling, of each sort one: what is wrong with one of several shrinks to that one."""

    def change(draw: st.DrawFn, stream: Stream) -> Oddity:
        none = [None, None] if len(sorts) > 1 else []
        drawn = [draw(st.sampled_from([*none, *_of_sort(sort)])) for sort in sorts]
        picked = [one for one in drawn if one is not None]
        played = stream.answer
        for _, _, spell in picked:
            played = legal.respelled(played, spell)
        names = [name for name in splits.SPLITS if splits.applies(name, played)]
        split = draw(st.sampled_from(["per-event", *names]))
        named = "+".join(name.replace("/", "-") for name, _, _ in picked) or "plain"
        explanation = "; ".join(explanation for _, explanation, _ in picked) or "a plain stream"
        return f"spelling/{named}", explanation, splits.SPLITS[split](played), True

    return change


SORTS = {"json": 10, "fields": 14, "blocks": 10, "comments": 12, "encoding": 4, "line-ends": 12}
"""And their weights. In this order: each takes the plainest form of what comes after it."""
MIXED = "comments/crlf"
"""It has another sort in it already."""


@cache
def _of_sort(sort: str) -> tuple[tuple[str, str, Spelling], ...]:
    """The spellings of a sort, those that add the least first."""
    found = [one for one in spelling.SPELLINGS if one[0].startswith(f"{sort}/") and one[0] != MIXED]
    shown = TEXT.answer.acts
    return tuple(sorted(found, key=lambda one: _lines(one[2](body(shown)))))


def _lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r")


def _mutated(draw: st.DrawFn, stream: Stream) -> Oddity:
    name, explanation, mutant = draw(st.sampled_from(_mutants()))
    played = _broken(mutant, stream.answer)
    return f"mutant/{name}", explanation, played, played == stream.answer


@cache
def _mutants() -> tuple[tuple[str, str, Mutant], ...]:
    """The mutants that break a stream of chat, as they are called."""
    wanted = {case.id.removeprefix("mutant/") for case in mutants.cases() if case.good.status == 200}
    return tuple(
        (f"{rule.id}#{name_of(mutant)}", rule.says, mutant)
        for rule in ALL
        for mutant in rule.broken_by
        if f"{rule.id}#{name_of(mutant)}" in wanted
    )


def _broken(mutant: Mutant, answer: Answer) -> Answer:
    """The answer, broken; as it was where it is too short for that."""
    try:
        return mutants.outlasting(whole(mutant(answer)))
    except (LookupError, ValueError, StopIteration):
        return answer


def _cut(draw: st.DrawFn, stream: Stream) -> Oddity:
    name, explanation, way = draw(st.sampled_from(cuts.WAYS))
    size = draw(st.integers(0, len(body(stream.answer.acts)) - 1))
    return f"cut/{name}", explanation.format(f"after {size} bytes of the body"), way(stream.answer, size), False


def _cut_between(draw: st.DrawFn, stream: Stream) -> Oddity:
    """As a cut, but between two events, where it is the least noticed."""
    name, explanation, way = draw(st.sampled_from(cuts.WAYS))
    count = draw(st.integers(0, len(stream.answer.acts) - 1))
    size = len(body(stream.answer.acts[:count]))
    return f"cut/{name}", explanation.format(f"after {count} events"), way(stream.answer, size), False


def _silent(draw: st.DrawFn, stream: Stream) -> Oddity:
    return _silent_after(stream, draw(st.integers(0, len(stream.answer.acts) - 1)))


def _silent_before_done(_: st.DrawFn, stream: Stream) -> Oddity:
    return _silent_after(stream, len(stream.answer.acts) - 1)


def _silent_after(stream: Stream, count: int) -> Oddity:
    played = cuts.silent_at(stream.answer, len(body(stream.answer.acts[:count])))
    return "silence", f"after {count} events the server goes silent", played, False


def _errored(draw: st.DrawFn, stream: Stream) -> Oddity:
    name = draw(st.sampled_from(sorted(transport.TOLD)))
    event, explanation, _ = transport.TOLD[name]
    place = draw(st.integers(0, len(stream.answer.acts) - 1))
    rest = draw(st.sampled_from([(), stream.answer.acts[-1:], stream.answer.acts[place:]]))
    played = replace(stream.answer, acts=(*stream.answer.acts[:place], Send(event), *rest))
    return f"error/{name}", f"{explanation} in the place of event {place + 1}", played, False


def _after_done(*words: str) -> Change:
    """Something after [DONE]."""
    more = [
        encoder.message(chunk(says({"content": word}))) if word != DONE else encoder.message(DONE) for word in words
    ]

    def change(draw: st.DrawFn, stream: Stream) -> Oddity:
        played = replace(stream.answer, acts=(*stream.answer.acts, Send(draw(st.sampled_from(more)))))
        return "after-done", "something after [DONE]", played, False

    return change


def _without_done(draw: st.DrawFn, stream: Stream) -> Oddity:
    ending = draw(st.sampled_from([(), (Reset(),)]))
    return "without-done", "[DONE] is left out", replace(stream.answer, acts=(*stream.answer.acts[:-1], *ending)), False


def _refused(draw: st.DrawFn, _: Stream) -> Oddity:
    status = draw(st.sampled_from(sorted(transport.STATUSES)))
    error = {"error": {**transport.ERROR, "message": f"This is a {status}."}}
    return "status", f"status {status}", document(status, error), False


KINDS = (
    Kind("plain", 10, _plain),
    Kind("split", 14, _split),
    *(Kind(f"spelling-{sort}", weight, _spelled(sort)) for sort, weight in SORTS.items()),
    Kind("spelling", 16, _spelled(*SORTS)),
    Kind("mutant", 50, _mutated),
    Kind("cut-between", 16, _cut_between),
    Kind("cut", 12, _cut),
    Kind("error", 12, _errored),
    Kind("after-done", 4, _after_done("AFTER")),
    Kind("done-again", 2, _after_done(DONE)),
    Kind("without-done", 4, _without_done),
    Kind("status", 4, _refused),
    Kind("silence", 4, _silent, most=6),
    Kind("silence-before-done", 4, _silent_before_done, most=4),
)
"""In the order in which they are tried."""
FILLER = next(place for place, kind in enumerate(KINDS) if kind.name == "mutant")
"""There are so many of them that there can always be more."""
