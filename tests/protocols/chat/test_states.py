"""The order table of a chat stream."""

import pytest

from conformance.protocols.chat.states import ALLOWED, Kind, State, diagram, step

EVERY = [(state, kind) for state in State for kind in Kind]


@pytest.mark.parametrize(("state", "kind"), EVERY)
def test_every_message_leads_somewhere_from_every_state(state: State, kind: Kind) -> None:
    after, legal = step(state, kind)
    assert after in State
    assert legal == (kind in ALLOWED[state])
    assert State.DONE is after or kind is not Kind.TERMINATOR


def test_every_state_can_be_reached_by_legal_messages() -> None:
    reached, frontier = {State.START}, [State.START]
    while frontier:
        new = set(ALLOWED[frontier.pop()].values()) - reached
        reached |= new
        frontier += new
    assert set(State) == reached


@pytest.mark.parametrize("start", State)
def test_the_end_can_be_reached_from_everywhere(start: State) -> None:
    reached = {start}
    for _ in State:
        reached |= {after for state in reached for after in ALLOWED[state].values()}
    assert State.DONE in reached


@pytest.mark.parametrize(
    "kinds",
    [
        [Kind.DELTA, Kind.DELTA, Kind.FINISH, Kind.TERMINATOR],
        [Kind.FINISH, Kind.TERMINATOR],
        [Kind.METADATA, Kind.DELTA, Kind.FINISH, Kind.METADATA, Kind.USAGE, Kind.TERMINATOR],
        [Kind.DELTA, Kind.ERROR],
        [Kind.ERROR, Kind.TERMINATOR],
        [Kind.DELTA, Kind.FINISH, Kind.USAGE, Kind.ERROR, Kind.TERMINATOR],
    ],
)
def test_a_good_order_is_legal(kinds: list[Kind]) -> None:
    state = State.START
    for kind in kinds:
        state, legal = step(state, kind)
        assert legal


@pytest.mark.parametrize(
    ("state", "kind", "after"),
    [
        (State.START, Kind.TERMINATOR, State.DONE),
        (State.START, Kind.USAGE, State.START),
        (State.OPEN, Kind.TERMINATOR, State.DONE),
        (State.OPEN, Kind.USAGE, State.OPEN),
        (State.FINISHED, Kind.DELTA, State.FINISHED),
        (State.FINISHED, Kind.FINISH, State.FINISHED),
        (State.COUNTED, Kind.USAGE, State.COUNTED),
        (State.COUNTED, Kind.DELTA, State.COUNTED),
        (State.FAILED, Kind.DELTA, State.FAILED),
        (State.DONE, Kind.TERMINATOR, State.DONE),
        (State.DONE, Kind.DELTA, State.DONE),
        (State.OPEN, Kind.UNREADABLE, State.OPEN),
    ],
)
def test_a_message_out_of_order_leaves_us_where_one_mistake_is_one_finding(
    state: State, kind: Kind, after: State
) -> None:
    assert (after, False) == step(state, kind)


def test_the_diagram_has_every_arrow_of_the_table() -> None:
    lines = diagram().splitlines()
    assert ["stateDiagram-v2", "    [*] --> START", "    DONE --> [*]"] == [*lines[:2], lines[-1]]
    drawn = {
        (before.strip(), kind, after)
        for line in lines[2:-1]
        for before, rest in [line.split(" --> ")]
        for after, kinds in [rest.split(": ")]
        for kind in kinds.split(", ")
    }
    assert {(s.name, k.name, after.name) for s, row in ALLOWED.items() for k, after in row.items()} == drawn
