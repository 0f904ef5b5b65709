"""Our own lateness: noticed while it lasts, kept with what was read, and read again from a recording."""

import asyncio

import pytest

from conformance.probes.connection import Connection
from conformance.probes.pulse import BEAT, Pulse
from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.simulation import simulate

REQUEST = Request("POST", "http://t/v1/chat/completions", (), {"messages": [], "stream": True})


class Clock:
    """The time of the loop, and what it lost."""

    def __init__(self) -> None:
        self.lost = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.lost


def test_a_loop_that_has_time_is_never_late():
    async def main() -> list[float]:
        clock = Clock()
        async with Pulse(clock) as pulse:
            late = []
            for _ in range(50):
                await asyncio.sleep(0.003)
                late.append(pulse.late())
            return late

    assert [0.0] * 50 == simulate(main())


def test_a_loop_that_was_held_up_is_late_since_the_beat_that_was_due():
    async def main() -> tuple[float, float]:
        clock = Clock()
        async with Pulse(clock) as pulse:
            await asyncio.sleep(BEAT / 2)
            clock.lost = 0.5
            late = pulse.late()
            await asyncio.sleep(3 * BEAT)
            return late, pulse.late()

    late, then = simulate(main())
    assert (0.495, 0.0) == (round(late, 6), then)


def test_before_and_after_nobody_is_late():
    async def main() -> tuple[float, float]:
        pulse = Pulse(Clock())
        before = pulse.late()
        async with pulse:
            pass
        await asyncio.sleep(5)
        return before, pulse.late()

    assert (0.0, 0.0) == simulate(main())


def test_a_connection_says_how_long_each_read_may_have_waited():
    async def main() -> list[tuple[float, object, float]]:
        clock = Clock()
        came = []
        async with Pulse(clock) as pulse:
            connection = Connection(clock)
            connection.pulse = pulse
            connection.data_received(b"a")
            clock.lost = 0.2
            connection.data_received(b"b")
            for _ in range(2):
                at, data = await connection.receive(9.0)
                came.append((at, data, round(connection.late, 6)))
        return came

    assert [(0.0, b"a", 0.0), (0.2, b"b", 0.19)] == simulate(main())


def test_lateness_survives_a_recording():
    lines = [
        recording.header_line(REQUEST, source={}),
        recording.data_line(0.1, b"HTTP/1.1 200 OK\r\n"),
        recording.data_line(0.5, b"content-type: text/event-stream\r\n\r\n", 0.25),
        recording.data_line(0.6, b"\xff", 0.0625),
        recording.end_line(0.6, Ending.EOF),
    ]
    assert '[0.5, "data", "content-type: text/event-stream\\r\\n\\r\\n", 0.25]\n' == lines[2]
    assert ((0.5, 0.25), (0.6, 0.0625)) == recording.read(lines).late


@pytest.mark.parametrize("behind", ["-1", "true", '"a"', "1, 2", "1e99"])
def test_lateness_that_is_no_time_is_refused(behind: str):
    lines = [recording.header_line(REQUEST, source={}), f'[0.1, "data", "a", {behind}]\n']
    with pytest.raises(recording.RecordingError, match="line 2: wanted"):
        recording.read(lines)


def test_a_reader_keeps_what_was_late_alone():
    reader = ExchangeReader(REQUEST)
    reader.feed(b"HTTP/1.1 200 OK\r\n", 0.1)
    reader.feed(b"\r\n", 0.2, 0.05)
    assert ((0.2, 0.05),) == reader.close(Ending.EOF, 0.3).late
