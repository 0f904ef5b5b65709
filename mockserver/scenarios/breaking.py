"""An answer broken at one place: before an event, after a byte, inside a character. Knows no request."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Reset, Script, Send, Wait, whole

from .scenario import Break, How, Place

FOR_EVER = 86_400.0
"""Seconds after which nobody waits any more."""
GARBAGE = b"\x00\xff\xfe]}\x80{[\xc3\x28 garbage \xf0\x9f"
"""Neither UTF-8 nor JSON nor a line of an event stream."""
LEAD = 0xC0
"""From here on a byte begins a character of several bytes."""

_Spot = tuple[int, int]
"""The number of an act that sends, and a place in what it sends."""


def broken(answer: Answer, breaks: Break) -> Answer:
    """The answer, broken; as it was where it has no such place."""
    answer = whole(answer)
    spot = _spot(answer.acts, breaks)
    if spot is None:
        return answer
    before, after = _split(answer.acts, spot)
    match breaks.how:
        case How.CLOSE | How.RESET:
            # The head stays that of the whole answer, so that what is missing is seen to be missing.
            end = (Reset(),) if breaks.how is How.RESET else ()
            acts = (*answer.before, Send(encoder.head(answer)), *_framed(before, answer.framing), *end)
            return replace(answer, acts=acts, framing=Framing.RAW, hangs_up=True, before=())
        case How.STALL:
            pause = Wait(FOR_EVER if breaks.seconds is None else breaks.seconds)
            return replace(answer, acts=(*before, pause, *after))
        case How.GARBAGE:
            data = encoder.message("").replace(b" \n", b" " + GARBAGE + b"\n", 1)
            return replace(answer, acts=(*before, Send(data if breaks.place is Place.EVENT else GARBAGE), *after))


def _framed(acts: Sequence[Act], framing: Framing) -> Iterator[Act]:
    for act in acts:
        chunked = framing is Framing.CHUNKED and isinstance(act, Send) and act.data
        yield Send(encoder.chunk(act.data)) if chunked and isinstance(act, Send) else act


def _spot(acts: Script, breaks: Break) -> _Spot | None:
    """Where the break is."""
    left = breaks.number
    for number, act in enumerate(acts):
        if not isinstance(act, Send):
            continue
        match breaks.place:
            case Place.EVENT:
                left -= 1
                if left == 0:
                    return number, 0
            case Place.BYTE:
                if left < len(act.data):
                    return number, left
                left -= len(act.data)
            case Place.CHARACTER:
                leads = [place for place, byte in enumerate(act.data) if byte >= LEAD]
                if left <= len(leads):
                    return number, leads[left - 1] + 1
                left -= len(leads)
    return None


def _split(acts: Script, spot: _Spot) -> tuple[Script, Script]:
    """The acts up to a place, and those from there on."""
    number, place = spot
    act = acts[number]
    assert isinstance(act, Send), "only what is sent has places"
    head, tail = act.data[:place], act.data[place:]
    return (*acts[:number], *((Send(head),) if head else ())), (Send(tail), *acts[number + 1 :])
