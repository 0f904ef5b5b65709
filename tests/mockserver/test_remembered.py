"""What is kept of answers, and what a server that keeps them does not mix up."""

from typing import Any

from conformance.wire.script import Answer, Framing, Send, Wait, body
from mockserver.answering import Settings
from mockserver.remembered import Remembered

from .conftest import Stage
from .conftest import body as asked_for

ONE = Answer(200, (), (Send(b"data: one\n\n"), Wait(0.5), Send(b"data: two\n\n")))
FAULT = "chat/termination/done-sent#left-out"


def test_an_answer_is_kept_as_it_goes_on_the_wire() -> None:
    remembered = Remembered()
    remembered.keep("a", 10, {"model": "mock"}, ONE)
    known = remembered.find("a")
    assert known is not None
    wanted = (
        Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        Send(b"b\r\ndata: one\n\n\r\n"),
        Wait(0.5),
        Send(b"b\r\ndata: two\n\n\r\n"),
        Send(b"0\r\n\r\n"),
    )
    assert ({"model": "mock"}, wanted) == (known.body, known.script)
    assert remembered.find("b") is None


def test_no_more_is_kept_than_may_be_and_the_oldest_goes_first() -> None:
    remembered = Remembered(limit=10_000)
    long = Answer(200, (), (Send(bytes(3_000)),), Framing.LENGTH)
    for key in ("a", "b", "c"):
        remembered.keep(key, 0, None, long)
    assert remembered.find("a") is not None
    remembered.keep("d", 0, None, long)
    assert [True, False, True, True] == [remembered.find(key) is not None for key in "abcd"][:4]
    assert 10_000 >= remembered.size > 9_000


def test_an_answer_that_is_long_or_made_as_it_is_told_is_not_kept() -> None:
    remembered = Remembered(limit=1_000)
    assert remembered.keep("a", 0, None, Answer(200, (), (Send(bytes(2_000)),), Framing.LENGTH)) is None
    assert remembered.keep("b", 0, None, Answer(200, (), (), told=lambda: iter(()))) is None
    assert (None, None, 0) == (remembered.find("a"), remembered.find("b"), remembered.size)


def asked_twice(played: Any, *requests: dict[str, Any], **options: Any) -> list[tuple[bytes, Any, int, int, int]]:
    """Body, and what the journal has, of each request, each of them sent twice."""

    async def ask(stage: Stage) -> list[tuple[bytes, Any, int, int, int]]:
        found = []
        for number, request in enumerate([*requests, *requests], 1):
            exchange = await stage.ask(request)
            entry = stage.entry(number)
            found.append((exchange.body, entry.body, entry.events, entry.sent, entry.produced))
        return found

    result: list[tuple[bytes, Any, int, int, int]] = played(ask, **options)
    return result


def test_the_second_of_two_same_requests_has_the_same_answer_and_the_same_entry(in_memory: Any) -> None:
    first, other, again, other_again = asked_twice(in_memory, asked_for("Say hi"), asked_for("Hello"))
    assert (first, other) == (again, other_again)
    assert first[0] != other[0]
    assert asked_for("Say hi") == again[1]


def test_a_fault_of_one_request_is_not_kept_for_others(in_memory: Any) -> None:
    broken = asked_for("Say hi", model=f"mock#{FAULT}")
    good, bad, good_again, bad_again = asked_twice(in_memory, asked_for("Say hi"), broken)
    assert (good, bad) == (good_again, bad_again)
    assert good[0].endswith(b"data: [DONE]\n\n")
    assert not bad[0].endswith(b"data: [DONE]\n\n")


def test_a_fault_that_is_set_later_is_in_answers_that_were_good_before(in_memory: Any) -> None:
    async def ask(stage: Stage) -> list[bool]:
        done = []
        for fault in (None, FAULT, None):
            stage.server.use_fault(fault)
            done.append((await stage.ask(asked_for("Say hi"))).body.endswith(b"data: [DONE]\n\n"))
        return done

    assert [True, False, True] == in_memory(ask)


def test_who_has_another_key_is_another_one(in_memory: Any) -> None:
    async def ask(stage: Stage) -> list[int]:
        found = []
        for key in ("right", "wrong", "right", "wrong"):
            exchange = await stage.ask(asked_for("Say hi"), headers=(("authorization", f"Bearer {key}"),))
            assert exchange.head is not None
            found.append(exchange.head.status)
        return found

    assert [200, 401, 200, 401] == in_memory(ask, Settings(keys=frozenset({"right"})))


def test_coalesced_is_the_same_in_fewer_writes(in_memory: Any) -> None:
    request = asked_for("Write a long list")
    each, together = asked_twice(in_memory, request)[1], asked_twice(in_memory, request, coalesce=True)[1]
    assert each == together


def test_the_bytes_of_a_script_are_those_of_the_answer() -> None:
    known = Remembered().keep("a", 0, None, ONE)
    assert known is not None
    assert b"b\r\ndata: one\n\n\r\n" in body(known.script)
