"""The order of a chat stream, as one table. Everything about order lives here; it knows no JSON.

The machine is total: it never raises, and an illegal message still leads somewhere, because a conformance suite has
to read on after a mistake.
"""

from enum import Enum


class State(Enum):
    """Where a stream is."""

    START = "nothing of a choice has arrived"
    OPEN = "choices are being streamed"
    FINISHED = "every choice has its finish_reason"
    COUNTED = "usage has arrived"
    FAILED = "an error has arrived"
    DONE = "[DONE] has arrived"


class Kind(Enum):
    """What a message is."""

    DELTA = "chunk that leaves a choice open"
    FINISH = "chunk whose finish_reason closes the last open choice"
    USAGE = "chunk with usage and no choices"
    METADATA = "chunk with neither usage nor choices"
    ERROR = "error message"
    TERMINATOR = "[DONE]"
    UNREADABLE = "message that cannot be read as a chunk"


# What may come next. Anything not listed is illegal.
ALLOWED: dict[State, dict[Kind, State]] = {
    State.START: {
        Kind.METADATA: State.START,
        Kind.DELTA: State.OPEN,
        Kind.FINISH: State.FINISHED,
        Kind.ERROR: State.FAILED,
    },
    State.OPEN: {
        Kind.METADATA: State.OPEN,
        Kind.DELTA: State.OPEN,
        Kind.FINISH: State.FINISHED,
        Kind.ERROR: State.FAILED,
    },
    State.FINISHED: {
        Kind.METADATA: State.FINISHED,
        Kind.USAGE: State.COUNTED,
        Kind.ERROR: State.FAILED,
        Kind.TERMINATOR: State.DONE,
    },
    State.COUNTED: {Kind.METADATA: State.COUNTED, Kind.ERROR: State.FAILED, Kind.TERMINATOR: State.DONE},
    State.FAILED: {Kind.METADATA: State.FAILED, Kind.USAGE: State.FAILED, Kind.TERMINATOR: State.DONE},
    State.DONE: {},
}

# Where an illegal message takes us, so that one mistake gives one finding. Not listed: we stay where we were.
RESYNC: dict[Kind, State] = {Kind.TERMINATOR: State.DONE}


def step(state: State, kind: Kind) -> tuple[State, bool]:
    """The next state, and whether the message was allowed."""
    if (after := ALLOWED[state].get(kind)) is not None:
        return after, True
    return RESYNC.get(kind, state), False


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for before, row in ALLOWED.items():
        for kind, after in row.items():
            arrows.setdefault((before, after), []).append(kind.name)
    lines = [f"    {before.name} --> {after.name}: {', '.join(names)}" for (before, after), names in arrows.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> START", *lines, "    DONE --> [*]"]) + "\n"
