"""Transport told from model: the trial of pace with servers of every kind, whose times are computed."""

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from conformance.judge import judge
from conformance.probes.bench import Tempo
from conformance.probes.trials.pace import PACE
from conformance.protocols.chat.dialects import OPENAI, Dialect, find
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules.chat import timing
from conformance.rules.http import timing as http_timing
from conformance.rules.pace import comes_in_bursts
from conformance.simulation import simulate
from conformance.verdicts import Verdict

RULES = (*timing.RULES, *http_timing.RULES)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
ROLE = CHUNK % b'{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}'
END = CHUNK % b'{"index":0,"delta":{},"finish_reason":"length"}' + b"data: [DONE]\n\n"

Made = Callable[[int], float]
"""When token n is made, seconds after the request; token 0 stands for the prompt."""
Event = tuple[float, bytes]
Carry = Callable[[list[Event]], list[Event]]
"""What a transport makes of the times at which events are handed to it."""


def text(tokens: int) -> bytes:
    return CHUNK % (b'{"index":0,"delta":{"content":"%s"},"finish_reason":null}' % (b"word " * tokens))


def as_they_come(events: list[Event]) -> list[Event]:
    return events


def whole(events: list[Event]) -> list[Event]:
    return [(events[-1][0], data) for _, data in events]


def every(seconds: float) -> Carry:
    """A buffer that is emptied so often, and at the end."""

    def carry(events: list[Event]) -> list[Event]:
        end = events[-1][0]
        return [(min(end, (at // seconds + 1) * seconds), data) for at, data in events]

    return carry


def buffers(size: int) -> Carry:
    """A buffer that is emptied when it is full, and at the end."""

    def carry(events: list[Event]) -> list[Event]:
        carried: list[Event] = []
        held: list[bytes] = []
        for at, data in events:
            held.append(data)
            if sum(map(len, held)) >= size:
                carried += [(at, part) for part in held]
                held.clear()
        return carried + [(events[-1][0], part) for part in held]

    return carry


def in_pairs(events: list[Event]) -> list[Event]:
    """Every second segment waits for the acknowledgement of the one before it, which comes late."""
    carried: list[Event] = []
    for at, data in events:
        ready = max([at] + [before for before, _ in carried[-1:]])
        carried.append((ready if len(carried) % 2 else ready + 0.04, data))
    return sorted(carried, key=lambda event: event[0])


class Server:
    """Answers the trial of pace from a model and a transport; stands where its bench is."""

    def __init__(
        self,
        made: Made,
        carry: Carry = as_they_come,
        *,
        per_event: int = 1,
        jitter: float = 0.002,
        late: Callable[[float], float] = lambda _: 0.0,
        knows: bool = True,
        seed: int = 1,
        tempo: Tempo | None = None,
    ) -> None:
        self.made, self.carry, self.per_event, self.jitter, self.late = made, carry, per_event, jitter, late
        self.knows = knows
        self.chance = random.Random(seed)
        self.long = {"messages": [{"role": "user", "content": "Count"}], "stream": True}
        self.tempo = tempo or Tempo(first=made(1), gap=(made(101) - made(1)) / 100, lasts=made(4000), tokens=4000)
        self.stage = SimpleNamespace(clock=lambda: asyncio.get_running_loop().time())
        self.sleep = asyncio.sleep
        self.pulse = None
        self.limits: list[int] = []

    async def ask(self, name: str, body: dict, *, group: object = (), more: object = ()) -> Exchange:
        limit = body["max_tokens"]
        self.limits.append(limit)
        extra = self.chance.uniform(0, self.jitter)
        events = [(self.made(0) + extra, ROLE)]
        for n in range(0, limit, self.per_event):
            last = min(limit, n + self.per_event)
            events.append((self.made(last) + extra + self.chance.uniform(0, self.jitter / 2), text(last - n)))
        events.append((max(at for at, _ in events), END))
        reader = ExchangeReader(Request("POST", "http://t/v1/chat/completions", (), {"model": "m", **body}))
        reader.feed(HEAD, 0.001)
        for at, data in self.carry(sorted(events, key=lambda event: event[0])):
            late = self.late(at)
            reader.feed(data, at + late, late if self.knows else 0.0)
        return reader.close(Ending.EOF, events[-1][0] + 1, probe=name)


def verdicts(server: Server, dialect: Dialect = OPENAI) -> dict[str, tuple[Verdict, str, str]]:
    """Verdict, reason and what was got, of each rule about the trial of pace."""
    exchanges = simulate(PACE[0].perform(server))
    return {
        v.rule.id.rpartition("/")[2]: (v.verdict, v.reason, "".join(f.finding.got for f in v.findings[:1]))
        for v in judge(exchanges, rules=RULES, dialect=dialect, features=frozenset())
    }


def steady(gap: float, first: float = 0.1) -> Made:
    return lambda token: first + gap * max(0, token - 1)


def in_steps(size: int, gap: float, first: float = 0.1) -> Made:
    """A model that makes so many tokens in one step, after a first one."""
    return lambda token: first + gap * size * (max(0, token - 1 + size - 1) // size)


TRANSPORTS = {
    "as they come": as_they_come,
    "whole": whole,
    "every 200 ms": every(0.2),
    "buffers of 4 KB": buffers(4096),
    "in pairs": in_pairs,
}


@pytest.mark.parametrize("gap", [0.003, 0.02, 0.08])
@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_streams_is_let_pass_whatever_its_pace(gap: float, seed: int) -> None:
    found = verdicts(Server(steady(gap), seed=seed))
    assert (Verdict.PASS, Verdict.PASS) == (found["as-generated"][0], found["one-by-one"][0])


@pytest.mark.parametrize("gap", [0.003, 0.02, 0.08])
def test_an_answer_that_is_held_to_its_end_fails(gap: float) -> None:
    found = verdicts(Server(steady(gap), whole))
    assert Verdict.FAIL == found["as-generated"][0]
    assert "by chance once in 3003 times" in found["as-generated"][2]
    assert Verdict.NOT_APPLICABLE == found["one-by-one"][0]


@pytest.mark.parametrize("carry", ["every 200 ms", "buffers of 4 KB"])
@pytest.mark.parametrize("gap", [0.005, 0.02])
def test_bursts_that_the_model_does_not_make_are_named_and_are_no_failure(carry: str, gap: float) -> None:
    found = verdicts(Server(steady(gap), TRANSPORTS[carry]))
    assert (Verdict.PASS, Verdict.WARN) == (found["as-generated"][0], found["one-by-one"][0])


@pytest.mark.parametrize(("carry", "rule"), [("whole", "as-generated"), ("every 200 ms", "one-by-one")])
def test_azure_may_hold_content_back_as_its_documentation_says(carry: str, rule: str) -> None:
    verdict, reason, _ = verdicts(Server(steady(0.01), TRANSPORTS[carry]), find("azure"))[rule]
    assert (Verdict.TOLERATED, True) == (verdict, "its default mode" in reason)


def test_pairs_of_a_delayed_acknowledgement_are_named() -> None:
    found = verdicts(Server(steady(0.03), in_pairs))
    assert Verdict.WARN == found["one-by-one"][0]
    assert found["one-by-one"][2].startswith("bursts of 2 every 6")


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("per_event", [1, "size"])
def test_tokens_that_a_model_makes_in_one_step_are_no_fault(size: int, per_event: object) -> None:
    server = Server(in_steps(size, 0.01), per_event=size if per_event == "size" else 1)
    found = verdicts(server)
    assert (Verdict.PASS, Verdict.PASS) == (found["as-generated"][0], found["one-by-one"][0])


def test_a_model_that_makes_steps_behind_a_proxy_that_collects_more_is_named() -> None:
    found = verdicts(Server(in_steps(2, 0.01), every(0.3)))
    assert Verdict.WARN == found["one-by-one"][0]


def test_where_the_answer_is_over_at_once_nothing_is_said() -> None:
    server = Server(steady(0.00001), jitter=0.0001)
    found = verdicts(server)
    assert Verdict.NOT_APPLICABLE == found["as-generated"][0] == found["one-by-one"][0]
    assert found["as-generated"][1].startswith("the target is too fast to tell: a long answer takes 20 ms more")
    assert 2000 == max(server.limits)


def test_a_longer_answer_is_asked_for_where_the_pace_was_thought_slower() -> None:
    server = Server(steady(0.002), tempo=Tempo(first=0.1, gap=0.05, lasts=200.0, tokens=4000))
    assert Verdict.PASS == verdicts(server)["as-generated"][0]
    assert server.limits[0] < 40 < 500 < max(server.limits)


def test_a_shorter_one_where_it_was_thought_faster() -> None:
    server = Server(steady(0.1), tempo=Tempo(first=0.1, gap=0.005, lasts=20.0, tokens=4000))
    assert Verdict.PASS == verdicts(server)["as-generated"][0]
    assert (260, 26) == (server.limits[0], server.limits[1])


def test_times_that_scatter_as_widely_as_the_answer_is_long_prove_nothing() -> None:
    for seed in range(5):
        server = Server(steady(0.005), whole, jitter=6.0, seed=seed)
        assert found_or_not(verdicts(server)["as-generated"])


def found_or_not(verdict: tuple[Verdict, str, str]) -> bool:
    """What is held back may be named or not; it is never said to be in order."""
    return verdict[0] in (Verdict.FAIL, Verdict.NOT_APPLICABLE)


def test_a_server_that_streams_is_never_blamed_for_times_that_scatter() -> None:
    for seed in range(5):
        verdict = verdicts(Server(steady(0.005), jitter=6.0, seed=seed))["as-generated"]
        assert verdict[0] in (Verdict.PASS, Verdict.NOT_APPLICABLE)


def test_what_five_rounds_leave_open_more_of_them_decide() -> None:
    server = Server(steady(0.01), jitter=0.0)
    calm = server.ask

    async def restless_at_first(name: str, body: dict, **others: object) -> Exchange:
        server.jitter = 4.0 if 4 <= len(server.limits) < 9 else 0.002
        return await calm(name, body, **others)

    server.ask = restless_at_first
    assert Verdict.PASS == verdicts(server)["as-generated"][0]
    assert 30 == len(server.limits)


def test_bursts_that_show_late_are_looked_into_all_the_same() -> None:
    server = Server(steady(0.01), every(0.2))
    server.late = lambda at: 0.3 if len(server.limits) == 1 else 0.0
    assert Verdict.WARN == verdicts(server)["one-by-one"][0]
    assert {4, 11, 30, 130} == set(server.limits)


def test_a_target_that_fails_is_asked_no_more_than_twice() -> None:
    server = Server(steady(0.01))

    async def refuses(name: str, body: dict, **_: object) -> Exchange:
        server.limits.append(body["max_tokens"])
        reader = ExchangeReader(Request("POST", "http://t/v1/chat/completions", (), {"model": "m", **body}))
        reader.feed(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 0.1)
        return reader.close(Ending.EOF, 0.1, probe=name)

    server.ask = refuses
    assert Verdict.UNTESTABLE == verdicts(server)["as-generated"][0]
    assert 2 == len(server.limits)


def until_next(beat: float) -> Callable[[float], float]:
    """A client that gets to read only so often."""
    return lambda at: beat - at % beat


@pytest.mark.parametrize("beat", [0.1, 0.4, 2.0])
def test_our_own_lateness_is_not_the_servers(beat: float) -> None:
    found = verdicts(Server(steady(0.01), late=until_next(beat)))
    assert found["as-generated"][0] in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    assert found["one-by-one"][0] in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    assert "" == found["one-by-one"][2]


@pytest.mark.parametrize("knows", [True, False])
def test_bursts_are_only_seen_where_the_client_was_not_late(knows: bool) -> None:
    server = Server(steady(0.01), late=until_next(0.1), knows=knows)
    answer = asyncio.run(server.ask("pace", {**server.long, "max_tokens": 100}))
    assert knows is not comes_in_bursts(answer)


def test_a_client_that_is_always_late_says_so() -> None:
    found = verdicts(Server(steady(0.01), late=until_next(2.0)))
    assert "this machine was too busy" in found["as-generated"][1]
