"""Where the waits go."""

from conformance.wire.script import Answer, Reset, Send, Wait
from mockserver.pacing import Pacing, paced

A, B, C = Send(b"a"), Send(b"b"), Send(b"c")


def test_without_pacing_nothing_changes() -> None:
    answer = Answer(200, (), (A, Wait(1.0), B))
    assert answer == paced(answer, Pacing())


def test_the_first_event_waits_and_the_others_keep_the_gap() -> None:
    assert (Wait(2.0), A, Wait(0.5), B, Wait(0.5), C) == paced(Answer(200, (), (A, B, C)), Pacing(2.0, 0.5)).acts


def test_a_gap_alone_lets_the_first_event_go_at_once() -> None:
    assert (A, Wait(0.5), B, Reset()) == paced(Answer(200, (), (A, B, Reset())), Pacing(gap=0.5)).acts
