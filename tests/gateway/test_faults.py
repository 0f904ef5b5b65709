"""Each fault of a gateway is named by its own change, and a gateway without faults by none."""

import json
from typing import Any

import pytest

from conformance.gateway.change import SORTS
from conformance.gateway.situations import ALL

from .scripted import DONE, Back, Chunk, Tried, Ways, run

FINISH = {
    "id": "chatcmpl-streamspec",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
}


def as_it_is(chunk: Chunk) -> list[Chunk]:
    return [chunk]


def of_each_choice(change: Any) -> Any:
    def chunk(told: Chunk) -> list[Chunk]:
        if "choices" not in told:
            return [told]
        choices = [changed for each in told["choices"] if (changed := change(each)) is not None]
        return [{**told, "choices": choices}]

    return chunk


def of_each_delta(change: Any) -> Any:
    return of_each_choice(lambda choice: {**choice, "delta": change(choice["delta"])})


def without(*names: str) -> Any:
    return lambda told: {key: value for key, value in told.items() if key not in names}


def on_chunks(change: Any) -> Any:
    return lambda chunk: [change(chunk)] if chunk.get("choices") else [chunk]


def data(chunk: Chunk) -> bytes:
    return b"data: %s\n\n" % json.dumps(chunk).encode()


def makes_up_a_finish(back: Back) -> bytes:
    """Ends whatever was cut or left unfinished with a made-up stop, as LiteLLM does."""
    finished = any(isinstance(c, dict) and c.get("choices") and c["choices"][0]["finish_reason"] for c in back.seen)
    failed = any(isinstance(c, dict) and "error" in c for c in back.seen)
    said = b"" if finished or failed else data(FINISH)
    return said + (b"" if "[DONE]" in back.seen or failed else DONE)


def adds_done(back: Back) -> bytes:
    return b"" if "[DONE]" in back.seen else DONE


def error_without_code(chunk: Chunk) -> list[Chunk]:
    return [{"error": {**chunk["error"], "type": None, "code": "500"}}] if "error" in chunk else [chunk]


def usage_on_a_choice(chunk: Chunk) -> list[Chunk]:
    if chunk.get("usage") and not chunk["choices"]:
        return [{**chunk, "choices": [{"index": 0, "delta": {}}]}]
    return [chunk]


def usage_on_its_own(chunk: Chunk) -> list[Chunk]:
    if chunk.get("usage") and chunk["choices"]:
        return [{**chunk, "usage": None}, {**chunk, "choices": []}]
    return [chunk]


def only_the_last_usage(chunk: Chunk) -> list[Chunk]:
    return [without("usage")(chunk) if chunk.get("choices") else chunk]


def no_finish_for_the_second(choice: Chunk) -> Chunk:
    return {**choice, "finish_reason": None} if choice["index"] == 1 else choice


def type_on_every_fragment(delta: Chunk) -> Chunk:
    if "tool_calls" not in delta:
        return delta
    return {**delta, "tool_calls": [{**call, "type": "function"} for call in delta["tool_calls"]]}


class Pairs:
    """Two tokens in one chunk."""

    def __init__(self) -> None:
        self.held: list[Chunk] = []

    def __call__(self, told: Chunk) -> list[Chunk]:
        text = told["choices"][0]["delta"].get("content") if told["choices"] else None
        if not text:
            before, self.held = self.held, []
            return [*before, told]
        if not self.held:
            self.held.append(told)
            return []
        first = self.held.pop()
        first["choices"][0]["delta"]["content"] += text
        return [first]


class Once:
    """Leaves out a finish_reason that came already."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        if chunk["choices"] and chunk["choices"][0]["finish_reason"]:
            self.seen += 1
            return [chunk] if self.seen == 1 else []
        return [chunk]


class NewIds:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        self.count += 1
        return [{**chunk, "id": f"chatcmpl-{self.count}"}]


class FirstLost:
    """Loses the first event, as a client that does not know a byte order mark does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        self.count += 1
        return [] if self.count == 1 else [chunk]


def breaks_at_comments(raw: bytes) -> list[bytes]:
    """Takes an event without data for the end of everything."""
    events = raw.split(b"\n\n")
    place = next((number for number, event in enumerate(events) if event.startswith(b"id")), len(events))
    return [b"%s\n\n" % event for event in events[:place]] + [data({"error": {"message": "JSON error", "code": None}})]


def only_plain_lines(raw: bytes) -> list[bytes]:
    """Knows `data: ` and nothing else, so that a JSON text of two lines falls apart."""
    lines = [line for line in raw.split(b"\n") if line.startswith(b"data: ")]
    return [b"%s\n\n" % line for line in lines]


def halves_letters(raw: bytes) -> list[bytes]:
    """Decodes each piece by itself."""
    return [raw.replace("ü".encode(), "\ufffd\ufffd".encode())]


def swallows_broken_lines(raw: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in raw.split(b"\n\n") if event]
    return [event for event in events if event == DONE or event.endswith(b"}\n\n")]


def tells_broken_lines(raw: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in raw.split(b"\n\n") if event]
    place = next(number for number, event in enumerate(events) if not event.endswith(b"}\n\n"))
    return [*events[:place], data({"error": {"message": "cannot be read", "code": "500"}})]


def drops_the_error(chunk: Chunk) -> list[Chunk]:
    return [] if "error" in chunk else [chunk]


def breaks_at_the_error(chunk: Chunk) -> list[Chunk] | None:
    return None if "error" in chunk else [chunk]


def loses_arguments(delta: Chunk) -> Chunk:
    """Only the first two calls' beginnings get through."""
    calls = [call for call in delta.get("tool_calls", []) if call["function"].get("name")]
    return {**delta, "tool_calls": calls} if "tool_calls" in delta else delta


def loses_done(raw: bytes) -> list[bytes]:
    return [raw.removesuffix(DONE)]


def breaks_at_the_finish(chunk: Chunk) -> list[Chunk] | None:
    return None if chunk["choices"][0]["finish_reason"] else [chunk]


def says_less(delta: Chunk) -> Chunk:
    return {**delta, "content": ""} if delta.get("content") == " is" else delta


def says_more(delta: Chunk) -> Chunk:
    return {**delta, "content": delta["content"] + "!"} if delta.get("content") == "Hello" else delta


def finishes_by_length(choice: Chunk) -> Chunk:
    return {**choice, "finish_reason": "length"} if choice["finish_reason"] else choice


def counts_otherwise(chunk: Chunk) -> list[Chunk]:
    usage = chunk.get("usage")
    return [{**chunk, "usage": {**usage, "completion_tokens": 1}}] if usage else [chunk]


def counts_the_last(chunk: Chunk) -> list[Chunk]:
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    return [{**chunk, "usage": usage}] if chunk["choices"][0]["finish_reason"] else [chunk]


class RoleOnce:
    def __init__(self) -> None:
        self.said = False

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        if self.said:
            chunk["choices"][0]["delta"].pop("role", None)
        self.said = True
        return [chunk]


def pings(raw: bytes) -> list[bytes]:
    return [b": ping\n\n", raw]


def status(code: int, content_type: bytes = b"application/json") -> Any:
    def head(_: int, headers: Any) -> Any:
        return code, [(k, content_type if k == b"content-type" else v) for k, v in headers]

    return head


def headers(*added: tuple[bytes, bytes], less: tuple[bytes, ...] = ()) -> Any:
    return lambda code, sent: (code, [*(pair for pair in sent if pair[0] not in less), *added])


def of_error(**members: Any) -> Any:
    def document(raw: bytes) -> bytes:
        return json.dumps({"error": {**json.loads(raw)["error"], **members}}).encode()

    return document


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
