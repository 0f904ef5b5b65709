"""The first event of a server that sends it before it has anything to say."""

from conformance.rules.behaviour import Behaviour, Delivery
from conformance.wire.script import Send, Wait
from mockserver.carrying import carried

HASTY = Behaviour(name="hasty", delivery=Delivery.FIRST_AT_ONCE)
HEAD, ROLE, TEXT = Send(b"HTTP/1.1 200 OK\r\n\r\n"), Send(b"role"), Send(b"text")


def test_what_the_first_event_would_have_waited_for_comes_behind_it():
    acts = [Wait(0.5), HEAD, Wait(1.0), ROLE, Wait(2.0), TEXT]
    assert [HEAD, ROLE, Wait(0.5), Wait(1.0), Wait(2.0), TEXT] == list(carried(acts, HASTY))


def test_an_answer_without_events_takes_as_long_as_ever():
    assert [HEAD, Wait(0.5), Wait(1.0)] == list(carried([Wait(0.5), HEAD, Wait(1.0)], HASTY))
