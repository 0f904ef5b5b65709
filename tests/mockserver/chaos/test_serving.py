"""Chaos on a server: what else is asked of it keeps its place."""

import pytest

from conformance.judge import findings_of
from conformance.rules import ALL
from conformance.rules.rule import Level
from mockserver.answering import Settings
from mockserver.scenarios.reading import parse

MUST = tuple(rule for rule in ALL if rule.level is Level.MUST)
BROKEN = "scenario: [{reply: {text: a b c d e f, break: {at_byte: 700}}}]"
ASKED = {"model": "mock", "messages": [{"role": "user", "content": "Count from 1 to 10"}], "stream": True}
SEEDS = range(12)


def recorded(in_memory, seed, body=ASKED, **options):
    async def talk(stage):
        return await stage.ask(body), stage.server.journal.entries[-1]

    return in_memory(talk, settings=Settings(chaos=seed), **options)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_red_over_a_connection(in_memory, seed):
    exchange, entry = recorded(in_memory, seed)
    assert entry.ended
    assert {} == {rule: found for rule, found in findings_of(exchange, MUST).items() if found}


def test_servers_of_other_seeds_write_other_bytes(in_memory):
    assert len(SEEDS) == len({recorded(in_memory, seed)[0].body for seed in SEEDS})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reply_breaks_at_its_byte(in_memory, seed):
    exchange, _ = recorded(in_memory, seed, scenario=parse(BROKEN))
    assert 700 == len(exchange.body)
    assert b"\r" not in exchange.body


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_behaves_badly_writes_plainly(in_memory, seed):
    exchange, _ = recorded(in_memory, seed, fault="chat/timing/one-by-one#bursts")
    assert b"\r" not in exchange.body
    assert exchange.body.endswith(b"data: [DONE]\n\n")
