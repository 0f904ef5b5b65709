"""How events get from the one who makes them to the connection: acts in, acts out. Knows no clock and no socket."""

from collections.abc import Iterable, Iterator

from conformance.rules.behaviour import Behaviour, Delivery
from conformance.wire.script import Act, Reset, Send, Wait


def carried(acts: Iterable[Act], behaviour: Behaviour) -> Iterator[Act]:
    """The acts of a whole response, head first, as a server of this behaviour hands them over."""
    made = iter(acts)
    match behaviour.delivery:
        case Delivery.EACH:
            yield from made
        case Delivery.HEAD_HELD:
            yield from _with_the_head(made)
        case Delivery.FIRST_AT_ONCE:
            yield from _with_the_first(made)
        case Delivery.BURSTS:
            yield from _up_to_the_head(made)
            yield from _in_bursts(made, behaviour.seconds)
        case Delivery.WHOLE:
            yield from _up_to_the_head(made)
            yield from _in_bursts(made, float("inf"))


def _up_to_the_head(acts: Iterator[Act]) -> Iterator[Act]:
    """What comes up to the head and with it."""
    for act in acts:
        yield act
        if isinstance(act, Send):
            return


def _with_the_head(acts: Iterable[Act]) -> Iterator[Act]:
    """The head waits for the first event."""
    held = b""
    sends = 0
    for act in acts:
        if isinstance(act, Send) and sends < 2:
            held += act.data
            sends += 1
            if sends == 2:
                yield Send(held)
        else:
            if isinstance(act, Reset) and sends == 1:
                yield Send(held)
            yield act
    if sends == 1:
        yield Send(held)


def _with_the_first(acts: Iterable[Act]) -> Iterator[Act]:
    """The first event does not wait for anything; what it would have waited for comes after it."""
    waits: list[Act] = []
    sends = 0
    for act in acts:
        if isinstance(act, Wait) and sends < 2:
            waits.append(act)
            continue
        yield act
        sends += isinstance(act, Send)
        if sends == 2:
            yield from waits
            waits.clear()
    yield from waits


def _in_bursts(acts: Iterable[Act], seconds: float) -> Iterator[Act]:
    """What was made in so many seconds, in one write; the rest at the end."""
    held: list[bytes] = []
    passed = 0.0
    for act in acts:
        match act:
            case Send(data):
                held.append(data)
            case Wait(wait, makes):
                while held and passed + wait >= seconds:
                    yield Wait(seconds - passed)
                    wait -= seconds - passed
                    passed = 0.0
                    yield Send(b"".join(held))
                    held.clear()
                passed += wait
                yield Wait(wait, makes)
            case Reset():
                if held:
                    yield Send(b"".join(held))
                    held.clear()
                yield act
    if held:
        yield Send(b"".join(held))
