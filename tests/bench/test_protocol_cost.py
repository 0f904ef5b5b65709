"""What the reference server's protocol layer costs, beside a bare aiohttp handler and beside the engine.

    pytest tests/bench/test_protocol_cost.py -m bench -s -p no:cacheprovider

STREAMSPEC_TIMES is how many rounds there are; the best of each counts. `python -m tests.bench.protocol_cost` prints
all of it.
"""

import gc
import os
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("llguidance", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.events import Finish, Token
from mockserver.engines.decoding.request import TokenRequest
from mockserver.reference import opening, words
from mockserver.reference.asking import Asked
from mockserver.reference.telling import Choice
from mockserver.reference.words import Words
from mockserver.reference.writing import About, ChatWriter, TextWriter
from tests.bench import protocol_cost
from tests.bench.servers import CAN_MEASURE, REASON

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
ROUNDS = int(os.environ.get("STREAMSPEC_TIMES", "2"))
SECONDS = 4.0
FEW, MANY = 500, 20_000
ABOUT = About(id="x" * 32, created=0, model="tiny", fingerprint="fp")
TEXTS = {
    "text": "One, two, three and so on. ",
    "white space": "\n ",
    "a call without an end": '<tool_call>\n{"name": "a',
    "a call whose name comes last": '<tool_call>\n{"arguments": [1, {"a": "b"}',
}


@pytest.mark.skipif(not CAN_MEASURE, reason=REASON)
def test_a_token_costs_no_more_than_three_events_of_a_bare_handler(tmp_path: Path) -> None:
    client = protocol_cost.client_in(tmp_path)
    costs = protocol_cost.costs_of(["scripted"], client, tmp_path, SECONDS, ROUNDS)
    protocol, bare = costs["protocol layer"], costs["bare aiohttp handler"]
    print(f"\na token {protocol.token:.1f} us, a stream {protocol.stream:.0f} us", end="")
    print(f"; a bare handler's event {bare.token:.1f} us, and its stream {bare.stream:.0f} us")
    assert protocol.token <= 3 * bare.token


@pytest.mark.skipif(not CAN_MEASURE, reason=REASON)
def test_protocol_and_engine_together_cost_what_they_cost_alone(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra `engine` is not installed")
    client = protocol_cost.client_in(tmp_path)
    costs = protocol_cost.costs_of(protocol_cost.KINDS, client, tmp_path, SECONDS, ROUNDS)
    summed, both = costs["protocol layer + torch engine"], costs["server, torch engine"]
    print(f"\na token {both.token:.1f} us, alone and added {summed.token:.1f} us", end="")
    print(f", of them the protocol layer's {costs['protocol layer'].token:.1f} us")
    assert both.token <= 1.25 * summed.token


@pytest.mark.parametrize("said", TEXTS)
@pytest.mark.parametrize("writer", [ChatWriter, TextWriter])
def test_a_token_of_a_long_reply_costs_what_one_of_a_short_reply_costs(
    writer: type[ChatWriter] | type[TextWriter], said: str
) -> None:
    known = words.load(opening.SHIPPED)
    costs = {count: min(cost(known, writer, TEXTS[said], count) for _ in range(3)) for count in (FEW, MANY)}
    print(f"\n{writer.__name__}, {said}: " + ", ".join(f"{1e6 * c:.1f} us at {n}" for n, c in costs.items()), end="")
    assert costs[MANY] <= 1.5 * costs[FEW]


def cost(known: Words, writer: type[ChatWriter] | type[TextWriter], said: str, count: int) -> float:
    """Seconds of processor time per token of a reply that is told, written and made into a document.

    Without the rounds of Python's collector, which looks at all that lives, whoever made it.
    """
    ids = known.encode_marked(said)
    last = ids[-1:] if said.startswith("<") else ids
    ids = [*ids, *last * count][:count]
    tokens = [Token(number, -0.5, ((number, -0.5),)) for number in ids]
    request = TokenRequest(id="x", prompt=(1,), max_tokens=count)
    asked = Asked(requests=(request,), prompts=("p",), top=1)
    gc.collect()
    gc.disable()
    begun = time.process_time()
    choice = Choice(words=known, may_call=True, with_tokens=True, stops=["\n\n\n\t", "never"])
    written = writer(ABOUT, asked, [choice], known)
    for token in tokens:
        list(map(partial(written.say, 0), choice.take([token], None)))
    list(map(partial(written.say, 0), choice.take([], Finish.LENGTH)))
    written.document()
    spent = time.process_time() - begun
    gc.enable()
    return spent / count
