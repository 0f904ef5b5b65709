"""What a refusal says: the error object of a 4xx or 5xx answer. Knows nothing of why a request was refused."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import parsedate
from functools import wraps
from typing import Any

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.errors import TRACE
from conformance.rules.chat.refusals import on_refusal
from conformance.rules.mutate import DONE, Mutant, dumps
from conformance.rules.needs import OF_PROXIES, REFUSED
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OPENAPI, RFC9110, SUITE, issue
from conformance.wire import encoder
from conformance.wire.events import Message
from conformance.wire.script import Answer, Send, body

ERROR = OPENAPI.at("ErrorResponse.error")


SECONDS = re.compile(r"[0-9]+")


def _with_body(answer: Answer, content_type: str, text: bytes) -> Answer:
    headers = tuple((k, content_type if k.lower() == "content-type" else v) for k, v in answer.headers)
    return replace(answer, headers=headers, acts=(Send(text),))


def _on_error(change: Callable[[Any], Any]) -> Mutant:
    """Lift a change of the JSON of a refusal."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        try:
            document = json.loads(body(answer.acts))
        except ValueError:
            return answer
        return replace(answer, acts=(Send(dumps(change(document)).encode()),))

    return on_refusal(mutant)


@on_refusal
def html_page(answer: Answer) -> Answer:
    """As proxies have it."""
    return _with_body(answer, "text/html", b"<html><body><h1>Bad Request</h1></body></html>")


@on_refusal
def plain_text(answer: Answer) -> Answer:
    """As vllm-router has it."""
    return _with_body(answer, "text/plain; charset=utf-8", b"Failed to deserialize the JSON body")


@on_refusal
def nothing(answer: Answer) -> Answer:
    return _with_body(answer, "application/json", b"")


@rule(
    id="chat/refused/is-json",
    level=MUST,
    says="A refusal is one JSON document.",
    source=(ERROR, CLIENTS.at("SDKs show the message of the error object, else the bare status")),
    needs=REFUSED,
    broken_by=(html_page, plain_text, nothing),
)
def is_json(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    if exchange.status in OF_PROXIES or not stream.ended:  # that a proxy answers is a finding of another rule
        return
    if exchange.document is None and not _messages(stream):
        got = show(exchange.body) if exchange.body else "an empty body"
        yield stream.finding('{"error": {...}}', f"status {exchange.status} and {got}")


def _messages(stream: View) -> list[Message]:
    return [event for event in stream.exchange.events if isinstance(event, Message)]


@on_refusal
def as_a_stream(answer: Answer) -> Answer:
    text = body(answer.acts).decode()
    return _with_body(answer, "text/event-stream", encoder.message(text) + encoder.message(DONE))


@on_refusal
def as_one_message(answer: Answer) -> Answer:
    return _with_body(answer, "text/event-stream", encoder.message(body(answer.acts).decode()))


@rule(
    id="chat/refused/not-a-stream",
    level=MUST,
    says="A refusal is no stream, even if a stream was asked for.",
    source=(ERROR, issue("huggingface/text-generation-inference#1896")),
    needs=REFUSED,
    broken_by=(as_a_stream, as_one_message),
)
def not_a_stream(stream: View) -> Iterator[Finding]:
    if stream.exchange.document is None and (messages := _messages(stream)):
        first = messages[0]
        yield stream.finding('{"error": {...}}', f"a stream: {stream.exchange.text((first.start, first.end))}")


@_on_error
def flat(document: Any) -> Any:
    """As SGLang and Dynamo have it."""
    return {"object": "error", **document["error"]}


@_on_error
def error_text(document: Any) -> Any:
    """As text-generation-inference and Ollama have it."""
    return {"error": document["error"]["message"], "error_type": "validation"}


@_on_error
def detail(document: Any) -> Any:
    """As FastAPI has it."""
    return {"detail": [{"loc": ["body"], "msg": document["error"]["message"], "type": "missing"}]}


@_on_error
def in_a_list(document: Any) -> Any:
    """As Google has it."""
    return [document]


@rule(
    id="chat/refused/error-object",
    level=MUST,
    says="A refusal is an object with an object `error`.",
    source=(ERROR, issue("coder/aibridge#56"), CLIENTS.at("SDKs read error.message")),
    needs=REFUSED,
    broken_by=(flat, error_text, detail, in_a_list),
)
def error_object(stream: View) -> Iterator[Finding]:
    for pointer in ("", "/error"):
        for finding in stream.schema_findings(pointer):
            yield replace(finding, wanted='{"error": {...}}', got=show(stream.exchange.document))
            return


@_on_error
def message_left_out(document: Any) -> Any:
    del document["error"]["message"]
    return document


@_on_error
def message_empty(document: Any) -> Any:
    document["error"]["message"] = ""
    return document


@_on_error
def message_an_object(document: Any) -> Any:
    document["error"]["message"] = {"reason": document["error"]["message"]}
    return document


@rule(
    id="chat/refused/message",
    level=MUST,
    says="The error of a refusal has a message, which is text.",
    source=(OPENAPI.at("Error.message"),),
    needs=REFUSED,
    broken_by=(message_left_out, message_empty, message_an_object),
)
def message(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/error/message")


@_on_error
def type_left_out(document: Any) -> Any:
    del document["error"]["type"]
    return document


@_on_error
def type_null(document: Any) -> Any:
    document["error"]["type"] = None
    return document


@rule(
    id="chat/refused/has-type",
    level=MUST,
    says="The error of a refusal has a type, which is text.",
    source=(OPENAPI.at("Error.type"),),
    needs=REFUSED,
    broken_by=(type_left_out, type_null),
)
def has_type(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/error/type")


@_on_error
def param_left_out(document: Any) -> Any:
    """As llama.cpp has it."""
    del document["error"]["param"]
    return document


@_on_error
def param_a_list(document: Any) -> Any:
    document["error"]["param"] = ["body", "messages"]
    return document


@rule(
    id="chat/refused/param",
    level=SHOULD,
    says="The error of a refusal has a param, which is text or null.",
    source=(OPENAPI.at("Error.param"),),
    needs=REFUSED,
    broken_by=(param_left_out, param_a_list),
)
def param(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/error/param")


@_on_error
def code_left_out(document: Any) -> Any:
    del document["error"]["code"]
    return document


@_on_error
def code_a_number(document: Any) -> Any:
    """As vLLM, SGLang and llama.cpp have it."""
    document["error"]["code"] = 400
    return document


@rule(
    id="chat/refused/code",
    level=SHOULD,
    says="The error of a refusal has a code, which is text or null.",
    source=(OPENAPI.at("Error.code"),),
    needs=REFUSED,
    broken_by=(code_left_out, code_a_number),
)
def code(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/error/code")


@_on_error
def with_a_trace(document: Any) -> Any:
    trace = 'Traceback (most recent call last):\n  File "server/app.py", line 71, in create\nKeyError: 0'
    document["error"]["message"] = trace
    return document


@rule(
    id="chat/refused/no-stack-trace",
    level=SHOULD,
    says="A refusal carries no stack trace of the server.",
    source=(SUITE.at("it tells strangers about the server and users nothing"),),
    needs=REFUSED,
    broken_by=(with_a_trace,),
)
def no_stack_trace(stream: View) -> Iterator[Finding]:
    document = stream.exchange.document
    error = document.get("error") if isinstance(document, dict) else None
    told = error.get("message") if isinstance(error, dict) else None
    if isinstance(told, str) and (found := TRACE.search(told)):
        yield stream.finding("what is wrong with the request", show(found.group().strip()), pointer="/error/message")


def _come_again(answer: Answer, when: str) -> Answer:
    return replace(answer, headers=(*answer.headers, ("retry-after", when)))


@on_refusal
def retry_in_words(answer: Answer) -> Answer:
    return _come_again(answer, "soon")


@on_refusal
def retry_in_the_past(answer: Answer) -> Answer:
    return _come_again(answer, "-1")


@on_refusal
def retry_with_a_unit(answer: Answer) -> Answer:
    return _come_again(answer, "2s")


@rule(
    id="chat/refused/retry-after",
    level=SHOULD,
    says="Retry-After is a number of seconds or a date.",
    source=(
        RFC9110.at("10.2.3"),
        OPENAPI.at("TooManyRequests.headers.Retry-After"),
        issue("sgl-project/sglang#19357"),
    ),
    needs=REFUSED,
    broken_by=(retry_in_words, retry_in_the_past, retry_with_a_unit),
)
def retry_after(stream: View) -> Iterator[Finding]:
    head = stream.exchange.head
    value = head.get("retry-after").strip() if head is not None else ""
    if value and not SECONDS.fullmatch(value) and parsedate(value) is None:
        yield stream.finding("whole seconds, or a date", f"retry-after: {show(value)[1:-1]}")


RULES = (
    is_json,
    not_a_stream,
    error_object,
    message,
    has_type,
    param,
    code,
    no_stack_trace,
    retry_after,
)
