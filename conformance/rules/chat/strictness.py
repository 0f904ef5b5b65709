"""Requests that not every server refuses, and a prompt that none has room for. Knows nothing of what refusals say.

The levels are those of the evidence: what the OpenAI document forbids and widespread servers take all the same is a
SHOULD, what it says nothing of is a MAY.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat import emitter
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.refusals import (
    NOT_OURS,
    UNAVAILABLE,
    accepted,
    answered_with_a_document,
    answered_with_a_stream,
    got,
    on_refusal,
)
from conformance.rules.mutate import dumps, is_stream, on_answer
from conformance.rules.refusal_needs import (
    CONTENT_TYPE_MISSING,
    CONTENT_TYPE_TEXT,
    CONTEXT_EXCEEDED,
    MODEL_MISSING,
    PARAMETER_UNKNOWN,
    STOP_TOO_MANY,
    STREAM_TEXT,
)
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, RFC9110, SUITE
from conformance.wire.script import Answer, Framing, Send, body

CONTEXT_CODE = "context_length_exceeded"


@rule(
    id="chat/strictness/model-missing",
    level=SHOULD,
    says="A request without a model is refused with a 4xx status.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.required"),
        SUITE.at("vLLM, SGLang and llama.cpp answer with the one model they serve"),
    ),
    needs=MODEL_MISSING,
    broken_by=(answered_with_a_stream,),
)
def model_missing(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400, as model is required")


@rule(
    id="chat/strictness/stream-a-text",
    level=SHOULD,
    says="A request whose stream is a text is refused with a 4xx status.",
    source=(OPENAPI.at("CreateChatCompletionRequest.stream: boolean"), SUITE.at("vLLM and SGLang take it for true")),
    needs=STREAM_TEXT,
    broken_by=(answered_with_a_stream, answered_with_a_document),
)
def stream_a_text(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/strictness/stop-too-many",
    level=SHOULD,
    says="A request with five stop sequences is refused with a 4xx status.",
    source=(OPENAPI.at("StopConfiguration: up to 4 sequences"), SUITE.at("vLLM and llama.cpp take more")),
    needs=STOP_TOO_MANY,
    broken_by=(answered_with_a_stream,),
)
def stop_too_many(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400, as stop has four items at most")


@rule(
    id="chat/strictness/parameter-unknown",
    level=MAY,
    says="A request with a parameter that does not exist is refused with a 4xx status.",
    source=(OPENAPI.at("error: unrecognized request argument"), SUITE.at("vLLM, SGLang and llama.cpp pass it over")),
    needs=PARAMETER_UNKNOWN,
    broken_by=(answered_with_a_stream,),
)
def parameter_unknown(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400")


@rule(
    id="chat/strictness/content-type-text",
    level=MAY,
    says="A request body that is called text/plain is refused with a 4xx status.",
    source=(RFC9110.at("15.5.16: 415"), SUITE.at("vLLM and SGLang answer 400, llama.cpp reads it all the same")),
    needs=CONTENT_TYPE_TEXT,
    broken_by=(answered_with_a_stream,),
)
def content_type_text(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 415 or 400")


def _unserved(answer: Answer, status: int, text: bytes) -> Answer:
    """Another answer in place of a stream, with an error object or nothing in it."""
    kept = tuple((name, value) for name, value in answer.headers if name.lower() == "x-request-id")
    headers = (("content-type", "application/json"), *kept)
    return replace(answer, status=status, headers=headers, acts=(Send(text),), framing=Framing.LENGTH)


@on_answer
def breaks_down(answer: Answer) -> Answer:
    error = emitter.error("'NoneType' object has no attribute 'startswith'", "server_error")
    return _unserved(answer, 500, dumps(error).encode()) if is_stream(answer) else answer


@on_answer
def sent_away(answer: Answer) -> Answer:
    """A form was expected, and the browser is sent back to it."""
    if not is_stream(answer):
        return answer
    found = _unserved(answer, 303, b"")
    return replace(found, headers=(*found.headers, ("location", "/")))


@rule(
    id="chat/strictness/content-type-missing",
    level=MUST,
    says="A request without content-type is served, or refused with a 4xx status.",
    source=(RFC9110.at("8.3: a recipient may examine the data to determine its type"),),
    needs=CONTENT_TYPE_MISSING,
    broken_by=(breaks_down, sent_away),
)
def content_type_missing(stream: View) -> Iterator[Finding]:
    status = stream.exchange.status
    if status != 200 and not 400 <= status < 500 and status != UNAVAILABLE:
        yield stream.finding("status 200, or 4xx", got(stream))


@rule(
    id="chat/strictness/context-exceeded",
    level=MUST,
    says="A prompt that is longer than the context is refused with a 4xx status.",
    source=(OPENAPI.at("error code context_length_exceeded"), SUITE.at("vLLM, SGLang and llama.cpp answer 400")),
    needs=CONTEXT_EXCEEDED,
    broken_by=(answered_with_a_stream,),
)
def context_exceeded(stream: View) -> Iterator[Finding]:
    yield from accepted(stream, "status 400: no context has room for a megabyte of text")


def _with_code(answer: Answer, code: object) -> Answer:
    document = json.loads(body(answer.acts))
    document["error"]["code"] = code
    return replace(answer, acts=(Send(dumps(document).encode()),))


@on_refusal
def code_null(answer: Answer) -> Answer:
    return _with_code(answer, None)


@on_refusal
def code_of_the_status(answer: Answer) -> Answer:
    """As gateways have it."""
    return _with_code(answer, str(answer.status))


@rule(
    id="chat/strictness/context-code",
    level=SHOULD,
    says="The refusal of a prompt longer than the context has the code context_length_exceeded.",
    source=(
        OPENAPI.at("error code context_length_exceeded"),
        SUITE.at("LiteLLM and LangChain tell by it when a shorter prompt is worth a try"),
    ),
    needs=CONTEXT_EXCEEDED,
    broken_by=(code_null, code_of_the_status),
)
def context_code(stream: View) -> Iterator[Finding]:
    document = stream.exchange.document
    error = document.get("error") if isinstance(document, dict) else None
    for_the_prompt = 400 <= stream.exchange.status < 500 and stream.exchange.status not in NOT_OURS
    code = error.get("code", CONTEXT_CODE) if isinstance(error, dict) else CONTEXT_CODE
    if for_the_prompt and code != CONTEXT_CODE and (code is None or isinstance(code, str)):
        yield stream.finding(show(CONTEXT_CODE), show(code), pointer="/error/code")


RULES = (
    model_missing,
    stream_a_text,
    stop_too_many,
    parameter_unknown,
    content_type_text,
    content_type_missing,
    context_exceeded,
    context_code,
)
