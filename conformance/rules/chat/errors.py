"""Errors inside a stream: how they look, and what may come with them. Refused requests are another file.

Every mutant breaks a good stream off and puts an error in the place of the rest, so that what is missing after it is
not missed by other rules.
"""

import re
from collections.abc import Callable, Iterator
from functools import wraps

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.protocols.payload import Flaw
from conformance.rules.mutate import DONE, Mutant, dumps, on_messages
from conformance.rules.needs import INVALID, READ_ALL, STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OPENAPI, SUITE, issue

FAILED = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
ERROR = dumps({"error": FAILED})
TRACE = re.compile(
    r"Traceback \(most recent call last\)"
    r'|\n[ \t]{1,40}File "[^"\n]{1,300}", line \d'
    r"|\n[ \t]{1,40}at \S{1,200} ?\([^\s()]{1,300}:\d"
)
"""A stack trace of Python or JavaScript."""


def _instead_of_the_rest(tail: Callable[[], list[str]]) -> Mutant:
    """Two messages of the stream, then these."""

    @wraps(tail)
    def change(messages: list[str]) -> list[str]:
        return [*messages[:2], *tail()]

    return on_messages(change)


def _error(step: Step) -> object:
    return (step.chunk or {}).get("error")


@_instead_of_the_rest
def object_is_error() -> list[str]:
    """As vLLM once wrote it."""
    return [dumps({"object": "error", **FAILED}), DONE]


@_instead_of_the_rest
def type_is_error() -> list[str]:
    """As the Responses API has it."""
    return [dumps({"type": "error", "message": "The server had an error.", "code": None}), DONE]


@_instead_of_the_rest
def detail() -> list[str]:
    """As FastAPI writes it."""
    return [dumps({"detail": "Internal Server Error"}), DONE]


@_instead_of_the_rest
def message_alone() -> list[str]:
    return [dumps({"message": "The server had an error.", "code": 500}), DONE]


@rule(
    id="chat/errors/under-error",
    level=MUST,
    says="An error inside a stream is under the member `error`.",
    source=(
        CLIENTS.at("scenarios 45 and 46: openai-python and openai-node go on as if nothing had happened"),
        OPENAPI.at("ErrorResponse.error"),
    ),
    needs=STREAM,
    broken_by=(object_is_error, type_is_error, detail, message_alone),
)
def under_error(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        if step.flaw is Flaw.BARE_ERROR:
            yield stream.finding('{"error": {...}}', step.chunk, step)
            return


@_instead_of_the_rest
def text() -> list[str]:
    return [dumps({"error": "The server had an error."}), DONE]


@_instead_of_the_rest
def text_with_a_type() -> list[str]:
    """As text-generation-inference writes it."""
    return [dumps({"error": "Request failed during generation", "error_type": "generation"}), DONE]


@_instead_of_the_rest
def flag() -> list[str]:
    return [dumps({"error": True, "message": "The server had an error."}), DONE]


@rule(
    id="chat/errors/is-object",
    level=MUST,
    says="The error inside a stream is an object.",
    source=(
        CLIENTS.at("scenario 43: openai-python has no message to show, the AI SDK fails to validate"),
        OPENAPI.at("ErrorResponse.error"),
    ),
    needs=STREAM,
    broken_by=(text, text_with_a_type, flag),
)
def is_object(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        if step.flaw is not Flaw.BARE_ERROR and not isinstance(_error(step), dict):
            yield stream.finding("an object with a message", show(_error(step)), step, pointer="/error")
            return


@_instead_of_the_rest
def message_left_out() -> list[str]:
    return [dumps({"error": {"type": "server_error", "code": "500"}}), DONE]


@_instead_of_the_rest
def message_empty() -> list[str]:
    return [dumps({"error": {**FAILED, "message": ""}}), DONE]


@_instead_of_the_rest
def message_an_object() -> list[str]:
    """The error of the engine behind is handed on as it is."""
    return [dumps({"error": {**FAILED, "message": {"error": "CUDA out of memory"}}}), DONE]


@rule(
    id="chat/errors/message",
    level=MUST,
    says="The error inside a stream has a message, which is text.",
    source=(CLIENTS.at("scenarios 42, 44, 47 and 48: SDKs raise what error.message says"), OPENAPI.at("Error.message")),
    needs=STREAM,
    broken_by=(message_left_out, message_empty, message_an_object),
)
def message(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        error = _error(step)
        if isinstance(error, dict) and not (isinstance(error.get("message"), str) and error["message"].strip()):
            yield stream.finding("a message, which is text", error, step, pointer="/error/message")
            return


@_instead_of_the_rest
def type_null() -> list[str]:
    """As LiteLLM writes it."""
    return [dumps({"error": {**FAILED, "type": None}}), DONE]


@_instead_of_the_rest
def type_left_out() -> list[str]:
    return [dumps({"error": {"message": "The server had an error.", "param": None, "code": None}}), DONE]


@rule(
    id="chat/errors/has-type",
    level=SHOULD,
    says="The error inside a stream has a type, which is text.",
    source=(OPENAPI.at("Error.type"),),
    needs=STREAM,
    broken_by=(type_null, type_left_out),
)
def has_type(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        error = _error(step)
        if isinstance(error, dict) and not isinstance(error.get("type"), str):
            yield stream.finding("a type, which is text", error, step, pointer="/error/type")
            return


@_instead_of_the_rest
def code_a_number() -> list[str]:
    """As vLLM and SGLang write it."""
    return [dumps({"error": {**FAILED, "code": 500}}), DONE]


@_instead_of_the_rest
def param_a_list() -> list[str]:
    return [dumps({"error": {**FAILED, "param": ["messages", 0]}}), DONE]


@rule(
    id="chat/errors/code-and-param",
    level=SHOULD,
    says="An error inside a stream has code and param as text or null, where it has them.",
    source=(OPENAPI.at("Error.code, Error.param"),),
    needs=STREAM,
    broken_by=(code_a_number, param_a_list),
)
def code_and_param(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        error = _error(step)
        for name in ("code", "param"):
            value = error.get(name) if isinstance(error, dict) else None
            if value is not None and not isinstance(value, str):
                yield stream.finding("text or null", value, step, pointer=f"/error/{name}")
                return


@on_messages
def goes_on_after(messages: list[str]) -> list[str]:
    """The error is one message among others, as from text-generation-inference."""
    return [*messages[:2], ERROR, *messages[2:]]


@on_messages
def finishes_after(messages: list[str]) -> list[str]:
    """The stream is wound up as if it had succeeded."""
    finish = next((m for m in messages if '"finish_reason":"' in m), None)
    return [*messages[:2], ERROR, finish, DONE] if finish else messages


@on_messages
def text_after(messages: list[str]) -> list[str]:
    text = next((m for m in messages if '"delta":{"content":"' in m), None)
    return [*messages[:2], ERROR, text, DONE] if text else messages


@rule(
    id="chat/errors/nothing-follows",
    level=MUST,
    says="No choice and no finish_reason comes after an error.",
    source=(SUITE.at("a failed choice must not look finished"), issue("BerriAI/litellm#33222")),
    needs=READ_ALL,
    broken_by=(goes_on_after, finishes_after, text_after),
)
def nothing_follows(stream: View) -> Iterator[Finding]:
    if not stream.errors:
        return
    for step in stream.illegal:
        if step.before is State.FAILED and step.kind in (Kind.DELTA, Kind.FINISH):
            got = "a chunk with a finish_reason" if _finishes(step) else "a chunk that goes on"
            yield stream.finding("[DONE] or the end of the body", got, step)
            return


def _finishes(step: Step) -> bool:
    return any(choice.get("finish_reason") for choice in (step.chunk or {})["choices"])


@on_messages
def said_twice(messages: list[str]) -> list[str]:
    """Engine and server both report it."""
    return [*messages[:2], ERROR, ERROR, DONE]


@rule(
    id="chat/errors/once",
    level=SHOULD,
    says="A stream reports one error.",
    source=(SUITE.at("clients raise the first one and read no more"),),
    needs=READ_ALL,
    broken_by=(said_twice,),
)
def once(stream: View) -> Iterator[Finding]:
    for step in stream.errors[1:2]:
        yield stream.finding("one error", f"{len(stream.errors)} errors", step)


@on_messages
def first_message(messages: list[str]) -> list[str]:  # noqa: ARG001 - nothing of the good stream is left
    return [ERROR, DONE]


@on_messages
def only_message(messages: list[str]) -> list[str]:  # noqa: ARG001
    return [dumps({"error": {**FAILED, "type": "invalid_request_error", "code": "context_length_exceeded"}})]


@rule(
    id="chat/errors/not-first",
    level=MUST,
    says="What fails before the first chunk is told by the status, not inside a stream.",
    source=(
        OPENAPI.at("ErrorResponse: the answer to a request that fails"),
        issue("huggingface/text-generation-inference#1896"),
        issue("EricLBuehler/mistral.rs#1874"),
    ),
    needs=STREAM,
    broken_by=(first_message, only_message),
)
def not_first(stream: View) -> Iterator[Finding]:
    for step in stream.errors[:1]:
        if step.number == 1 and not INVALID.fits(stream.exchange):  # which of its members was wrong says more
            got = f"status {stream.exchange.status}, then {show(step.chunk)}"
            yield stream.finding("status 4xx or 5xx and a JSON body", got, step)


@_instead_of_the_rest
def with_a_python_trace() -> list[str]:
    trace = 'Traceback (most recent call last):\n  File "server/engine.py", line 12, in step\nRuntimeError: no memory'
    return [dumps({"error": {**FAILED, "message": trace}}), DONE]


@_instead_of_the_rest
def with_a_node_trace() -> list[str]:
    trace = "TypeError: fetch failed\n    at Gateway.forward (gateway.js:71:13)\n    at next (index.js:4:9)"
    return [dumps({"error": {**FAILED, "message": trace}}), DONE]


@rule(
    id="chat/errors/no-stack-trace",
    level=SHOULD,
    says="An error carries no stack trace of the server.",
    source=(SUITE.at("it tells strangers about the server and users nothing"),),
    needs=STREAM,
    broken_by=(with_a_python_trace, with_a_node_trace),
)
def no_stack_trace(stream: View) -> Iterator[Finding]:
    for step in stream.errors:
        error = _error(step)
        told = error.get("message") if isinstance(error, dict) else error
        if isinstance(told, str) and (found := TRACE.search(told)):
            yield stream.finding("what went wrong", show(found.group().strip()), step, pointer="/error/message")
            return


RULES = (
    under_error,
    is_object,
    message,
    has_type,
    code_and_param,
    nothing_follows,
    once,
    not_first,
    no_stack_trace,
)
