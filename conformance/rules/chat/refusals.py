"""Requests that a server has to refuse, and with which status. Knows nothing of what the refusal says.

A mutant turns a good refusal into a good answer of another status, so that only the status is wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps

from conformance.protocols.chat import emitter
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import Mutant, dumps
from conformance.rules.needs import (
    BAD_JSON,
    INVALID,
    KEY_MISSING,
    LIMIT_NEGATIVE,
    MESSAGES_EMPTY,
    MESSAGES_MISSING,
    MODEL_UNKNOWN,
    OPTIONS_WITHOUT_STREAM,
    OUT_OF_RANGE,
    ROLE_UNKNOWN,
    WRONG_TYPE,
)
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, RFC9110, SUITE, issue
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send, body

REPLY = emitter.Reply(
    id="chatcmpl-refusednot",
    created=1_767_225_600,
    model="mock",
    system_fingerprint="fp_0000000000",
    choices=(emitter.Spoken(("Hello", "!", " How", " can", " I", " help", "?")),),
    prompt_tokens=9,
    completion_tokens=7,
)
UNAVAILABLE = 503
"""Says that the server is overloaded, and nothing of the request."""
NOT_OURS = (401, 403, 413, 415, 429)
"""A server may refuse for these reasons before it reads the body."""


def on_refusal(change: Callable[[Answer], Answer]) -> Mutant:
    """Lift a change of an answer with a status of 400 or above."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        return change(answer) if answer.status >= 400 and answer.framing is not Framing.RAW else answer

    return mutant


@on_refusal
def answered_with_a_stream(answer: Answer) -> Answer:
    """Nobody looks at the request, or what is wrong with it is put right without a word."""
    kept = tuple((name, value) for name, value in answer.headers if name.lower() == "x-request-id")
    headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        *kept,
    )
    acts = tuple(Send(encoder.message(m)) for m in emitter.messages(REPLY, usage=False))
    return Answer(200, headers, acts)


@on_refusal
def answered_with_a_document(answer: Answer) -> Answer:
    return replace(answer, status=200, acts=(Send(dumps(emitter.completion(REPLY)).encode()),))


@on_refusal
def refused_in_a_stream(answer: Answer) -> Answer:
    """The status line was out before anybody looked at the request, as in text-generation-inference."""
    found = answered_with_a_stream(answer)
    return replace(found, acts=(Send(encoder.message(body(answer.acts).decode())),))


@on_refusal
def server_error(answer: Answer) -> Answer:
    """The exception of a parser comes through."""
    return replace(answer, status=500)


@on_refusal
def bad_gateway(answer: Answer) -> Answer:
    """A proxy takes every refusal of its upstream for a failure."""
    return replace(answer, status=502)


@on_refusal
def not_found(answer: Answer) -> Answer:
    return replace(answer, status=404)


@on_refusal
def bad_request(answer: Answer) -> Answer:
    return replace(answer, status=400)


@on_refusal
def forbidden(answer: Answer) -> Answer:
    return replace(answer, status=403)


def accepted(stream: View, wanted: str) -> Iterator[Finding]:
    """Nothing between 200 and 399 refuses a request; 5xx is the business of `no-server-error`."""
    if 200 <= stream.exchange.status < 400:
        yield stream.finding(wanted, got(stream))


def got(stream: View) -> str:
    """What came instead of a refusal."""
    exchange = stream.exchange
    if exchange.document is not None:
        return f"status {exchange.status} and {show(exchange.document)}"
    chunk = next((step.chunk for step in stream.steps if step.chunk), None)
    if chunk is not None:
        return f"status {exchange.status} and a stream that begins with {show(chunk)}"
    return f"status {exchange.status} and {show(exchange.body[:400]) if exchange.body else 'an empty body'}"


@rule(
    id="chat/refusals/bad-json",
    level=MUST,
    says="A body that is not JSON is refused with status 400 or 422.",
    source=(RFC9110.at("15.5.1: 400, malformed request syntax"), SUITE.at("422 is what FastAPI answers")),
    needs=BAD_JSON,
    broken_by=(answered_with_a_stream, not_found),
)
def bad_json(stream: View) -> Iterator[Finding]:
    status = stream.exchange.status
    if 200 <= status < 500 and status not in (400, 422, *NOT_OURS):
        yield stream.finding("status 400 (or 422)", got(stream))


@rule(
    id="chat/refusals/messages-missing",
    level=MUST,
    says="A request without messages is refused with a 4xx status.",
    source=(OPENAPI.at("CreateChatCompletionRequest.required"), issue("EricLBuehler/mistral.rs#1874")),
    needs=MESSAGES_MISSING,
    broken_by=(answered_with_a_stream,),
)
def messages_missing(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400, as messages is required")


@rule(
    id="chat/refusals/messages-empty",
    level=MUST,
    says="A request with messages [] is refused with a 4xx status.",
    source=(OPENAPI.at("CreateChatCompletionRequest.messages: minItems 1"),),
    needs=MESSAGES_EMPTY,
    broken_by=(answered_with_a_stream,),
)
def messages_empty(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400, as messages has one item at least")


@rule(
    id="chat/refusals/wrong-type",
    level=MUST,
    says="A request with a member of the wrong type is refused with a 4xx status.",
    source=(OPENAPI.at("CreateChatCompletionRequest: types"), issue("EricLBuehler/mistral.rs#1874")),
    needs=WRONG_TYPE,
    broken_by=(answered_with_a_stream, refused_in_a_stream),
)
def wrong_type(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/refusals/out-of-range",
    level=MUST,
    says="A request with n, temperature or top_p out of range is refused with a 4xx status.",
    source=(OPENAPI.at("CreateChatCompletionRequest: n 1 to 128, temperature 0 to 2, top_p 0 to 1"),),
    needs=OUT_OF_RANGE,
    broken_by=(answered_with_a_stream,),
)
def out_of_range(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/refusals/limit-negative",
    level=SHOULD,
    says="A request with a negative max_tokens is refused with a 4xx status.",
    source=(SUITE.at("the OpenAPI document sets no minimum, and llama.cpp takes -1 for no limit"),),
    needs=LIMIT_NEGATIVE,
    broken_by=(answered_with_a_stream,),
)
def limit_negative(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/refusals/role-unknown",
    level=SHOULD,
    says="A request with a role that does not exist is refused with a 4xx status.",
    source=(OPENAPI.at("ChatCompletionRequestMessage: role"), SUITE.at("vLLM and llama.cpp hand any role on")),
    needs=ROLE_UNKNOWN,
    broken_by=(answered_with_a_stream,),
)
def role_unknown(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/refusals/options-without-stream",
    level=SHOULD,
    says="stream_options without stream is refused with a 4xx status.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream_options: only set this when you set stream: true"),
        issue("BerriAI/litellm#5803"),
    ),
    needs=OPTIONS_WITHOUT_STREAM,
    broken_by=(answered_with_a_document,),
)
def options_without_stream(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/refusals/model-unknown",
    level=MUST,
    says="A request for a model that does not exist is refused with status 404.",
    source=(OPENAPI.at("error code model_not_found"), SUITE.at("OpenAI and vLLM answer 404")),
    needs=MODEL_UNKNOWN,
    broken_by=(answered_with_a_stream, bad_request),
)
def model_unknown(stream: View) -> Iterator[Finding]:
    if stream.exchange.status != 404:
        yield stream.finding("status 404", got(stream))


@rule(
    id="chat/refusals/key-missing",
    level=MUST,
    says="A request without a key is refused with status 401.",
    source=(RFC9110.at("15.5.2: 401, lacks valid authentication credentials"),),
    needs=KEY_MISSING,
    broken_by=(answered_with_a_stream, forbidden),
)
def key_missing(stream: View) -> Iterator[Finding]:
    if stream.exchange.status != 401:
        yield stream.finding("status 401", got(stream))


@rule(
    id="chat/refusals/no-server-error",
    level=MUST,
    says="A request that is not in order is not answered with a 5xx status.",
    source=(
        RFC9110.at("15.6: 5xx, the server is aware that it has erred"),
        SUITE.at("503 apart, which says nothing of the request; clients try again on 5xx"),
    ),
    needs=INVALID,
    broken_by=(server_error, bad_gateway),
)
def no_server_error(stream: View) -> Iterator[Finding]:
    if stream.exchange.status >= 500 and stream.exchange.status != UNAVAILABLE:
        yield stream.finding("a 4xx status", got(stream))


RULES = (
    bad_json,
    messages_missing,
    messages_empty,
    wrong_type,
    out_of_range,
    limit_negative,
    role_unknown,
    options_without_stream,
    model_unknown,
    key_missing,
    no_server_error,
)
