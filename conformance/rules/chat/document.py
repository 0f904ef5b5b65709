"""The answer to a request without stream: one JSON document, a chat.completion. Knows nothing of streams."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.tokens import is_count
from conformance.rules.mutate import DONE, Mutant, dumps, on_answer, on_document
from conformance.rules.needs import DOCUMENT, DOCUMENT_ASKED
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OPENAPI, SUITE, issue
from conformance.wire import encoder
from conformance.wire.events import Message
from conformance.wire.script import Answer, Framing, Send, body

COMPLETION = OPENAPI.at("CreateChatCompletionResponse")
MILLISECONDS = 10**11
"""As seconds this is the year 5138."""
COUNTS = (
    "/usage",
    "/usage/prompt_tokens",
    "/usage/completion_tokens",
    "/usage/total_tokens",
    "/usage/prompt_tokens_details",
    "/usage/prompt_tokens_details/cached_tokens",
    "/usage/prompt_tokens_details/audio_tokens",
    "/usage/completion_tokens_details",
    "/usage/completion_tokens_details/reasoning_tokens",
    "/usage/completion_tokens_details/audio_tokens",
    "/usage/completion_tokens_details/accepted_prediction_tokens",
    "/usage/completion_tokens_details/rejected_prediction_tokens",
)


def on_completion(change: Callable[[dict[str, Any]], None]) -> Mutant:
    """Lift a change, made in place, of a completion that was not streamed."""

    @wraps(change)
    def change_all(document: Any) -> Any:
        if isinstance(document, dict) and "choices" in document:
            change(document)
        return document

    return on_document(change_all)


def _is_completion(answer: Answer) -> bool:
    return answer.status == 200 and any(
        k.lower() == "content-type" and v.startswith("application/json") for k, v in answer.headers
    )


def _typed(answer: Answer, content_type: str, text: bytes) -> Answer:
    headers = tuple((k, content_type if k.lower() == "content-type" else v) for k, v in answer.headers)
    return replace(answer, headers=headers, acts=(Send(text),))


@on_answer
def streamed_all_the_same(answer: Answer) -> Answer:
    """Streaming is all that the server can do."""
    if not _is_completion(answer):
        return answer
    messages = (body(answer.acts).decode().replace('"message":', '"delta":'), DONE)
    streamed = _typed(answer, "text/event-stream", b"".join(encoder.message(m) for m in messages))
    return replace(streamed, framing=Framing.CHUNKED)


@on_answer
def dressed_as_an_event(answer: Answer) -> Answer:
    if not _is_completion(answer):
        return answer
    return _typed(answer, "text/event-stream", encoder.message(body(answer.acts).decode()))


@on_answer
def one_document_per_line(answer: Answer) -> Answer:
    """As Ollama's own API streams."""
    if not _is_completion(answer):
        return answer
    line = body(answer.acts) + b"\n"
    return _typed(answer, "application/x-ndjson", line + line)


@on_answer
def done_behind_it(answer: Answer) -> Answer:
    return replace(answer, acts=(*answer.acts, Send(b"\n\n[DONE]"))) if _is_completion(answer) else answer


@on_answer
def in_a_list(answer: Answer) -> Answer:
    return replace(answer, acts=(Send(b"[" + body(answer.acts) + b"]"),)) if _is_completion(answer) else answer


@rule(
    id="chat/document/one-document",
    level=MUST,
    says="A request without stream is answered with one JSON object.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream: default false"),
        issue("decolua/9router#3492"),
        issue("unslothai/unsloth#6570"),
    ),
    needs=DOCUMENT_ASKED,
    broken_by=(streamed_all_the_same, dressed_as_an_event, one_document_per_line, done_behind_it, in_a_list),
)
def one_document(answer: View) -> Iterator[Finding]:
    exchange = answer.exchange
    if isinstance(exchange.document, dict) or not answer.ended:
        return
    messages = [event for event in exchange.events if isinstance(event, Message)]
    if messages:
        first = exchange.text((messages[0].start, messages[0].end))
        yield answer.finding("one JSON object", f"a stream of {len(messages)} messages: {first}")
    else:
        yield answer.finding("one JSON object", show(exchange.body) if exchange.body else "an empty body")


@on_answer
def error_with_success(answer: Answer) -> Answer:
    error = {"error": {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}}
    return replace(answer, acts=(Send(dumps(error).encode()),)) if _is_completion(answer) else answer


@rule(
    id="chat/document/no-error",
    level=MUST,
    says="An error has a status of its own, not 200.",
    source=(
        OPENAPI.at("ErrorResponse: the answer to a request that fails"),
        CLIENTS.at("finding 3: most clients take an error with status 200 for an empty answer"),
    ),
    needs=DOCUMENT_ASKED,
    broken_by=(error_with_success,),
)
def no_error(answer: View) -> Iterator[Finding]:
    document = answer.exchange.document
    if isinstance(document, dict) and document.get("error") is not None:
        yield answer.finding("status 4xx or 5xx", f"status 200 and {show(document)}", pointer="/error")


@on_completion
def object_of_a_chunk(document: dict[str, Any]) -> None:
    document["object"] = "chat.completion.chunk"


@on_completion
def object_left_out(document: dict[str, Any]) -> None:
    del document["object"]


@rule(
    id="chat/document/object-name",
    level=MUST,
    says="The object of a completion is chat.completion.",
    source=(COMPLETION,),
    needs=DOCUMENT,
    broken_by=(object_of_a_chunk, object_left_out),
)
def object_name(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings("/object")


@on_completion
def id_left_out(document: dict[str, Any]) -> None:
    del document["id"]


@on_completion
def id_empty(document: dict[str, Any]) -> None:
    document["id"] = ""


@on_completion
def created_in_milliseconds(document: dict[str, Any]) -> None:
    document["created"] *= 1000


@on_completion
def created_a_fraction(document: dict[str, Any]) -> None:
    document["created"] += 0.25


@on_completion
def created_as_text(document: dict[str, Any]) -> None:
    document["created"] = "2026-01-01T00:00:00Z"


@on_completion
def model_left_out(document: dict[str, Any]) -> None:
    del document["model"]


@rule(
    id="chat/document/identity",
    level=MUST,
    says="A completion has an id and a model, which are text, and created, in seconds.",
    source=(COMPLETION,),
    needs=DOCUMENT,
    broken_by=(
        id_left_out,
        id_empty,
        created_in_milliseconds,
        created_a_fraction,
        created_as_text,
        model_left_out,
    ),
)
def identity(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings("/id", "/created", "/model")
    document = answer.exchange.document
    assert isinstance(document, dict)
    if document.get("id") == "":
        yield answer.finding("an id", '""', pointer="/id")
    created = document.get("created")
    if isinstance(created, int) and created > MILLISECONDS:
        yield answer.finding("seconds since 1970", created, pointer="/created")


@on_completion
def fingerprint_a_number(document: dict[str, Any]) -> None:
    document["system_fingerprint"] = 44709


@on_completion
def tier_an_object(document: dict[str, Any]) -> None:
    document["service_tier"] = {"name": "default"}


@rule(
    id="chat/document/optional-members",
    level=MUST,
    says="system_fingerprint and service_tier of a completion are text or null.",
    source=(COMPLETION,),
    needs=DOCUMENT,
    broken_by=(fingerprint_a_number, tier_an_object),
)
def optional_members(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings("/system_fingerprint", "/service_tier")


@on_completion
def usage_left_out(document: dict[str, Any]) -> None:
    del document["usage"]


@rule(
    id="chat/document/usage",
    level=SHOULD,
    says="A completion brings usage.",
    source=(COMPLETION.at("CreateChatCompletionResponse.usage"), SUITE.at("users are billed by it")),
    needs=DOCUMENT,
    broken_by=(usage_left_out,),
)
def usage(answer: View) -> Iterator[Finding]:
    document = answer.exchange.document
    if isinstance(document, dict) and "usage" not in document:
        yield answer.finding("usage", "no such member", pointer="/usage")


@on_completion
def count_as_text(document: dict[str, Any]) -> None:
    document["usage"]["completion_tokens"] = str(document["usage"]["completion_tokens"])


@on_completion
def total_left_out(document: dict[str, Any]) -> None:
    del document["usage"]["total_tokens"]


@on_completion
def usage_null(document: dict[str, Any]) -> None:
    document["usage"] = None


@rule(
    id="chat/document/usage-counts",
    level=MUST,
    says="usage of a completion is an object with counts of tokens.",
    source=(OPENAPI.at("CompletionUsage"),),
    needs=DOCUMENT,
    broken_by=(count_as_text, total_left_out, usage_null),
)
def usage_counts(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(*COUNTS)


@on_completion
def total_one_short(document: dict[str, Any]) -> None:
    document["usage"]["total_tokens"] -= 1


@rule(
    id="chat/document/usage-adds-up",
    level=MUST,
    says="total_tokens of a completion is prompt_tokens and completion_tokens together.",
    source=(OPENAPI.at("CompletionUsage.total_tokens: prompt + completion"),),
    needs=DOCUMENT,
    broken_by=(total_one_short,),
)
def usage_adds_up(answer: View) -> Iterator[Finding]:
    counted = answer.usage or {}
    if not all(is_count(counted.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")):
        return
    prompt, completion, total = (counted[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    if prompt + completion != total:
        got = f"total_tokens {total} for {prompt} + {completion}"
        yield answer.finding(f"total_tokens {prompt + completion}", got, pointer="/usage/total_tokens")


RULES = (
    one_document,
    no_error,
    object_name,
    identity,
    optional_members,
    usage,
    usage_counts,
    usage_adds_up,
)
