"""What is sent is what it is called: valid requests are valid, corners too, and wrong ones are wrong in one thing."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

import schemas
from conformance.serverfuzz.cases import PLAIN
from conformance.serverfuzz.corners import corners
from conformance.serverfuzz.members import PROPERTIES
from conformance.serverfuzz.relations import RELATIONS
from conformance.serverfuzz.requests import CORE, FRINGE, LIMITS, OF_FEATURES, Body, Offer, is_fringe, requests
from conformance.serverfuzz.wrongs import FIRST, WRONGS, Wrong, find, in_order
from conformance.targets import ASSUMED, FEATURES

ALL = Offer(frozenset(FEATURES), deterministic=True)
LITTLE = Offer(ASSUMED)
FITS = schemas.fits("chat/request")
ACCEPTED_BY_SCHEMA = {
    "a part of content without type",
    "a part of content of no such type",
    "tool_calls a text",
    "stream_options without stream",
    "top_logprobs without logprobs",
    "response_format with a schema of no such type",
    "parameters of no such type",
    "tool_choice names another",
    "tool_choice without tools",
}
"""What is wrong with these the schema cannot say."""


def whole(body: Body) -> Body:
    return {"model": "m", **body}


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(requests(ALL))
def test_a_drawn_request_is_valid_and_has_a_limit(body: Body) -> None:
    assert FITS(whole(body)), body
    assert any(0 < body.get(name, 0) <= ALL.tokens for name in LIMITS)
    assert (body.get("n") or 1) <= ALL.choices


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(requests(LITTLE))
def test_what_is_not_declared_is_not_sent(body: Body) -> None:
    assert body.keys().isdisjoint(name for name, feature in OF_FEATURES.items() if feature not in ASSUMED)


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(requests(ALL))
def test_both_requests_of_a_pair_are_valid(body: Body) -> None:
    for relation in RELATIONS:
        first = relation.first(body, ALL)
        second = relation.second(first, None, 0)
        assert FITS(whole(first)), (relation.name, first)
        assert second is None or FITS(whole(second)), (relation.name, second)


def test_every_member_of_the_schema_is_sent() -> None:
    assert {"model", "messages", "stream", *LIMITS, *CORE, *OF_FEATURES, *FRINGE} == set(PROPERTIES)


def test_every_corner_is_valid_and_no_fringe_but_for_nulls() -> None:
    for corner in corners(ALL):
        body = {**PLAIN, **corner}
        assert FITS(whole(body)), corner
        assert not is_fringe(body) or any(value in (None, "") for value in corner.values())


@pytest.mark.parametrize("wrong", WRONGS, ids=lambda wrong: wrong.name.replace(" ", "-"))
def test_a_wrong_request_is_not_what_the_schema_allows(wrong: Wrong) -> None:
    body = wrong.breaks(whole(PLAIN))
    assert (isinstance(body, dict) and FITS(body)) == (wrong.name in ACCEPTED_BY_SCHEMA)
    if wrong.name.startswith("no JSON") and "NaN" not in wrong.name:
        assert isinstance(body, str)
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)


def test_no_two_things_that_are_wrong_have_one_name() -> None:
    assert len(WRONGS) == len({wrong.name for wrong in WRONGS}) > 100  # as docs/fuzz-a-server.md says
    assert find("n below 1").breaks({}) == {"n": 0}
    with pytest.raises(LookupError):
        find("n nowhere")


def test_what_breaks_servers_most_comes_first_in_an_order_that_the_seed_decides() -> None:
    one, same, other = (in_order(ALL, Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert set(one) == set(other)
    assert all(wrong in FIRST for wrong in one[:20])
