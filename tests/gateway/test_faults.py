"""Each fault of a gateway is named by its own change, and a gateway without faults by none."""

import pytest

from conformance.gateway.change import SORTS
from conformance.gateway.situations import ALL

from .scripted import DONE, Tried, Ways, run
from .spoiling import (
    FINISH,
    FirstLost,
    NewIds,
    Once,
    Pairs,
    RoleOnce,
    adds_done,
    as_it_is,
    breaks_at_comments,
    breaks_at_the_error,
    breaks_at_the_finish,
    counts_otherwise,
    counts_the_last,
    data,
    drops_the_error,
    ends_early,
    error_without_code,
    finishes_by_length,
    halves_letters,
    headers,
    loses_arguments,
    loses_done,
    makes_up_a_finish,
    no_finish_for_the_second,
    of_each_choice,
    of_each_delta,
    of_error,
    only_plain_lines,
    only_the_last_usage,
    pings,
    says_less,
    says_more,
    status,
    swallows_broken_lines,
    tells_broken_lines,
    type_on_every_fragment,
    usage_on_a_choice,
    usage_on_its_own,
    without,
)

PLAIN = Ways(chunk=as_it_is)
MESSAGE = "litellm.RateLimitError: Rate limit reached for requests"

FAULTS: tuple[tuple[str, Ways, str, set[str]], ...] = (
    # -- invented
    ("a made-up finish", Ways(chunk=as_it_is, at_end=makes_up_a_finish), "no-finish", {"finish-invented"}),
    ("a made-up finish", Ways(chunk=as_it_is, at_end=makes_up_a_finish), "clean-end", {"finish-invented"}),
    (
        "a made-up finish over a cut",
        Ways(chunk=as_it_is, at_end=makes_up_a_finish, hides_cuts=True),
        "cut",
        {"finish-invented"},
    ),
    ("[DONE] over a cut", Ways(at_end=adds_done, chunk=as_it_is, hides_cuts=True), "cut", {"done-invented"}),
    ("[DONE] always", Ways(at_end=adds_done, chunk=as_it_is), "clean-end", {"done-invented"}),
    ("[DONE] always", Ways(at_end=adds_done, chunk=as_it_is), "no-done", {"done-repaired"}),
    ("a cut in good order", Ways(hides_cuts=True), "cut", {"cut-hidden"}),
    ("a cut in good order", Ways(hides_cuts=True), "cut-between", {"cut-hidden"}),
    ("a reset in good order", Ways(hides_cuts=True), "reset", {"cut-hidden"}),
    (
        "a cut told as an error",
        Ways(chunk=as_it_is, tells_cuts=data({"error": {"message": "upstream broke"}})),
        "cut",
        {"cut-told"},
    ),
    ("an error out of a comment", Ways(reads=breaks_at_comments), "comment-after-id", {"error-invented"}),
    (
        "a role for all",
        Ways(chunk=of_each_delta(lambda d: {"role": "assistant", **d})),
        "role-absent",
        {"role-invented"},
    ),
    # -- lost
    (
        "the second choice",
        Ways(chunk=of_each_choice(lambda c: c if c["index"] == 0 else None)),
        "two-choices",
        {"choice-lost"},
    ),
    ("the second finish", Ways(chunk=of_each_choice(no_finish_for_the_second)), "two-choices", {"finish-lost"}),
    ("the roles", Ways(chunk=of_each_delta(without("role"))), "good", {"role-lost"}),
    ("the first event", Ways(chunk=FirstLost), "bom", {"role-lost", "lines-changed"}),
    ("null members", Ways(chunk=of_each_choice(without("logprobs"))), "good", {"keys-lost"}),
    ("needed members", Ways(chunk=lambda c: [without("id")(c)]), "good", {"members-lost"}),
    ("members of vendors", Ways(chunk=lambda c: [without("x_vendor")(c)]), "unknown-members", {"keys-lost"}),
    ("reasoning", Ways(chunk=of_each_delta(without("reasoning_content"))), "reasoning", {"thoughts-lost"}),
    ("comments", PLAIN, "comments", {"comments-lost"}),
    ("fields", PLAIN, "id-and-retry", {"fields-lost"}),
    (
        "a chunk without choices",
        Ways(chunk=lambda c: [c] if c["choices"] else []),
        "azure-first-chunk",
        {"chunk-dropped"},
    ),
    ("usage", Ways(chunk=lambda c: [c] if c["choices"] else []), "usage", {"usage-lost"}),
    (
        "usage that was not asked for",
        Ways(chunk=lambda c: [without("usage")(c)]),
        "usage-on-finish-unasked",
        {"unasked-usage-lost"},
    ),
    ("running usage", Ways(chunk=only_the_last_usage), "usage-continuous", {"running-usage-lost"}),
    ("a broken line", Ways(reads=swallows_broken_lines), "broken-line", {"line-lost"}),
    ("a broken line, told", Ways(reads=tells_broken_lines), "broken-line", {"line-told"}),
    (
        "the last before a cut",
        Ways(reads=lambda raw: [raw[: raw.rindex(b"data: {", 0, -200)]]),
        "cut-between",
        {"tail-lost"},
    ),
    ("all before a reset", Ways(delivery="whole", spills=True), "reset", {"text-lost"}),
    ("the user", Ways(request=without("user")), "many-parameters", {"request-unknown-lost"}),
    ("the charset", Ways(head=status(200, b"text/event-stream")), "good", {"headers-changed"}),
    ("the error in the stream", Ways(chunk=drops_the_error), "error-event", {"error-lost"}),
    ("the error in the stream, by a cut", Ways(chunk=breaks_at_the_error), "error-event", {"error-became-cut"}),
    ("the end of a call", Ways(chunk=of_each_delta(loses_arguments)), "tools", {"call-lost"}),
    ("[DONE]", Ways(reads=loses_done), "good", {"done-lost"}),
    ("the end of a good stream", Ways(chunk=breaks_at_the_finish), "good", {"stream-broken"}),
    ("[DONE] behind an error", Ways(reads=loses_done), "error-event", {"done-dropped"}),
    (
        "one of the two lines",
        Ways(reads=only_plain_lines),
        "split-data",
        {"unreadable", "choice-lost", "lines-changed"},
    ),
    ("text", Ways(chunk=of_each_delta(says_less)), "good", {"text-lost"}),
    # -- rewritten
    ("a word", Ways(chunk=of_each_delta(says_more)), "good", {"text-invented"}),
    ("the finish", Ways(chunk=of_each_choice(finishes_by_length)), "good", {"finish-changed"}),
    ("the usage", Ways(chunk=counts_otherwise), "usage", {"usage-changed"}),
    ("fewer roles", Ways(chunk=RoleOnce), "role-repeated", {"roles-fewer"}),
    ("the framing", Ways(spoils_framing=True), "good", {"framing", "stream-broken"}),
    (
        "JSON for a stream",
        Ways(reads=lambda _: [b'{"object": "chat.completion", "choices": []}']),
        "good",
        {"not-a-stream"},
    ),
    ("halved letters", Ways(reads=halves_letters), "split-letters", {"text-changed"}),
    ("the time", Ways(chunk=lambda c: [{**c, "created": 1}]), "good", {"values-changed"}),
    ("an id for each chunk", Ways(chunk=NewIds), "good", {"id-varies", "values-changed"}),
    ("usage with a choice", Ways(chunk=usage_on_a_choice), "usage", {"usage-with-choices"}),
    ("usage on its own", Ways(chunk=usage_on_its_own), "usage-on-finish", {"usage-moved"}),
    ("two tokens in one", Ways(chunk=Pairs), "good", {"chunks-merged"}),
    ("one finish of two", Ways(chunk=Once), "finish-twice", {"finish-once"}),
    ("lines", PLAIN, "crlf", {"lines-changed"}),
    ("lines", PLAIN, "cr", {"lines-changed"}),
    ("the content-type", Ways(head=status(200, b"text/event-stream")), "json-type", {"content-type"}),
    # -- added
    ("usage", Ways(chunk=counts_the_last), "good", {"usage-invented"}),
    ("comments", Ways(reads=pings), "good", {"comments-added"}),
    ("type on every fragment", Ways(chunk=of_each_delta(type_on_every_fragment)), "tools", {"keys-added"}),
    (
        "null members added",
        Ways(chunk=of_each_delta(lambda d: {"role": None, "tool_calls": None, **d})),
        "good",
        {"keys-added"},
    ),
    ("headers", Ways(head=headers((b"x-gateway", b"1"))), "good", {"headers-added"}),
    ("the address", Ways(head=headers((b"x-base", b"http://in-memory/v1"))), "good", {"headers-added", "address-told"}),
    ("no headers", Ways(head=headers(less=(b"x-request-id",))), "good", {"headers-lost"}),
    (
        "another header",
        Ways(head=headers((b"x-request-id", b"mine"), less=(b"x-request-id",))),
        "good",
        {"headers-changed"},
    ),
    # -- delayed
    ("the whole stream", Ways(delivery="whole"), "slow", {"held-back"}),
    ("the whole stream", Ways(delivery="whole"), "crlf", {"held-back"}),
    ("the head", Ways(delivery="head"), "late", {"head-held"}),
    ("bursts", Ways(delivery="0.45"), "slow", {"in-bursts"}),
    ("half a second", Ways(lag=0.5), "slow", {"late"}),
    ("a burst", Ways(gap=0.005), "burst", {"burst-slow"}),
    ("the end", Ways(ends=False), "good", {"no-end"}),
    # -- the request
    (
        "usage for all",
        Ways(
            request=lambda r: {**r, "stream_options": {"include_usage": True}},
            chunk=lambda c: [c] if c["choices"] else [],
        ),
        "good",
        {"usage-asked"},
    ),
    (
        "usage for all, passed on",
        Ways(request=lambda r: {**r, "stream_options": {"include_usage": True}}),
        "good",
        {"usage-asked", "usage-unasked"},
    ),
    (
        "temperature clamped",
        Ways(request=lambda r: {**r, "temperature": 2}),
        "temperature-9",
        {"request-changed", "not-refused"},
    ),
    ("engine's members", Ways(request=lambda r: {**r, "ignore_eos": False}), "good", {"request-added"}),
    ("the seed", Ways(request=without("seed")), "many-parameters", {"request-lost"}),
    (
        "unknown members",
        Ways(request=without("top_k", "x_streamspec")),
        "unknown-request-members",
        {"request-unknown-lost"},
    ),
    ("the model", Ways(request=lambda r: {**r, "model": "other"}), "good", {"model-changed"}),
    ("twice", Ways(twice=True), "good", {"request-repeated"}),
    # -- errors before the stream
    ("retry-after", Ways(head=headers(less=(b"retry-after",))), "rate-limit", {"retry-after-lost"}),
    ("another status", Ways(head=status(500)), "rate-limit", {"status-changed"}),
    ("a stream's type", Ways(head=status(429, b"text/event-stream")), "rate-limit", {"content-type"}),
    ("a code of its own", Ways(document=of_error(code="429")), "rate-limit", {"error-code-changed"}),
    ("a message of its own", Ways(document=of_error(message=MESSAGE)), "rate-limit", {"error-changed"}),
    (
        "text for an error",
        Ways(head=status(500, b"text/plain"), document=lambda _: b"Internal Server Error"),
        "rate-limit",
        {"status-changed", "error-object-lost", "content-type"},
    ),
    ("200 and nothing", Ways(head=status(200), document=lambda _: b""), "rate-limit", {"error-lost"}),
    (
        "a stream out of an error",
        Ways(head=status(200, b"text/event-stream"), document=lambda _: data(FINISH) + DONE),
        "error-in-200",
        {"error-lost", "content-type"},
    ),
    (
        "an error event",
        Ways(head=status(200, b"text/event-stream"), document=lambda raw: b"data: " + raw + b"\n\n"),
        "context-length",
        {"error-in-stream", "content-type"},
    ),
    (
        "JSON for a page",
        Ways(head=status(502), document=lambda _: b'{"html-message": "x"}'),
        "html-502",
        {"page-changed", "content-type"},
    ),
)


def changes(tried: Tried, situation: str) -> set[str]:
    return tried.names[situation]


@pytest.mark.parametrize(
    ("ways", "situation", "expected"),
    [fault[1:] for fault in FAULTS],
    ids=[f"{name}-{situation}".replace(" ", "_") for name, _, situation, _ in FAULTS],
)
def test_a_fault_is_named(ways: Ways, situation: str, expected: set[str]):
    assert expected == changes(run(ways, situation), situation)


def test_an_error_in_a_stream_that_is_rewritten_loses_its_code():
    tried = run(Ways(chunk=error_without_code), "error-event")
    assert {"error-code-changed", "error-changed"} == changes(tried, "error-event")


def test_what_a_gateway_does_not_wait_for_is_lost_all_the_same():
    tried = run(Ways(chunk=ends_early, leaves_early=True), "good")
    assert {"text-lost", "done-lost", "finish-lost"} == changes(tried, "good")
    assert tried.report.results[0].outcome.endswith("no [DONE], the end in order")


def test_a_gateway_that_changes_nothing_is_the_same_in_every_situation():
    tried = run(Ways())
    assert {situation.name: set() for situation in ALL} == tried.names
    assert 0 == tried.report.red


def test_without_a_gateway_everything_is_the_same():
    tried = run(None)
    assert {situation.name: set() for situation in ALL} == tried.names
    assert 0 == tried.report.red
    assert tried.seconds < 60


REFUSAL = b'{"error": {"message": "no", "type": "invalid_request_error", "param": null, "code": 400}}'


@pytest.mark.parametrize(
    ("status", "body", "situation", "expected"),
    [
        (400, REFUSAL, "temperature-9", {"own-refusal"}),
        (400, REFUSAL, "good", {"not-forwarded"}),
        (422, b"Failed to deserialize the JSON body", "no-messages", {"bad-own-refusal"}),
        (500, b'{"status": "failure"}', "broken-request", {"bad-own-refusal"}),
        (200, b"{}", "stream-options-alone", {"not-refused"}),
    ],
)
def test_what_a_gateway_answers_by_itself_is_judged_by_what_openai_answers(
    status: int, body: bytes, situation: str, expected: set[str]
):
    tried = run(Ways(), situation, after_check=Ways(alone=(status, body)))
    assert expected == changes(tried, situation)
    assert not tried.report.results[0].forwarded


def test_every_sort_of_change_has_a_fault_that_shows_it():
    shown = set().union(*(expected for *_, expected in FAULTS))
    assert set() == set(SORTS) - shown - ELSEWHERE


ELSEWHERE = {"own-refusal", "not-forwarded", "bad-own-refusal"}
"""Shown by tests of their own."""
