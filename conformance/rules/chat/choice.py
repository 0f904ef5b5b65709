"""The members of a choice, each for itself. Knows neither their order nor what a delta or logprobs hold."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.protocols.schema_errors import SchemaError
from conformance.rules.mutate import Chunk, on_chunks, on_each_choice, on_one_chunk
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue

from .envelope import is_written

CHOICE = OPENAPI.at("CreateChatCompletionStreamResponse.choices.items.required")
ALWAYS = OBSERVED.at("109 of 109")
MISPLACED = ("message", "text")
"""Where documents and text completions hold what a chunk holds in `delta`."""


def is_absent(error: SchemaError) -> bool:
    """The member is not there."""
    return error.keyword == "required"


def is_other(error: SchemaError) -> bool:
    """The member is there, with a value that it cannot have."""
    return not is_absent(error) and is_written(error)


@on_one_chunk
def choice_null(chunk: Chunk) -> None:
    chunk["choices"] = [None]


@on_one_chunk
def choice_text(chunk: Chunk) -> None:
    chunk["choices"] = [chunk["choices"][0]["delta"]["content"]]


@rule(
    id="chat/choice/object",
    level=MUST,
    says="Every choice is an object.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.choices.items"), ALWAYS),
    needs=STREAM,
    broken_by=(choice_null, choice_text),
)
def object_(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*")


@on_each_choice
def index_left_out(choice: Chunk) -> None:
    del choice["index"]


@on_each_choice
def index_text(choice: Chunk) -> None:
    choice["index"] = str(choice["index"])


@on_one_chunk
def index_null(chunk: Chunk) -> None:
    chunk["choices"][0]["index"] = None


@on_each_choice
def index_negative(choice: Chunk) -> None:
    choice["index"] = -1 - choice["index"]


@on_each_choice
def index_with_decimal_point(choice: Chunk) -> None:
    choice["index"] = float(choice["index"])


@rule(
    id="chat/choice/index-integer",
    level=MUST,
    says="Every choice has an index, an integer from 0.",
    source=(CHOICE, ALWAYS, CLIENTS.at("scenarios 87, 89: the helpers of openai-python and openai-node fail")),
    needs=STREAM,
    broken_by=(index_left_out, index_text, index_null, index_negative, index_with_decimal_point),
)
def index_integer(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/index")


@on_chunks
def delta_left_out_at_the_finish(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["finish_reason"]:
                del choice["delta"]
    return chunks


@on_chunks
def delta_null_at_the_finish(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["delta"] = choice["delta"] or None
    return chunks


@on_each_choice
def message_for_delta(choice: Chunk) -> None:
    choice["message"] = choice.pop("delta")


@on_each_choice
def text_for_delta(choice: Chunk) -> None:
    choice["text"] = choice.pop("delta").get("content", "")


@rule(
    id="chat/choice/delta-object",
    level=MUST,
    says="Every choice has a delta, an object, be it empty.",
    source=(
        CHOICE,
        ALWAYS,
        CLIENTS.at("scenario 18: the helper of openai-python raises; finding 8: text in message or text is lost"),
        issue("microsoft/agent-framework#5734"),
        issue("microsoft/foundry-local#144"),
    ),
    needs=STREAM,
    broken_by=(delta_left_out_at_the_finish, delta_null_at_the_finish, message_for_delta, text_for_delta),
)
def delta_object(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/delta")


@on_each_choice
def message_beside_delta(choice: Chunk) -> None:
    choice["message"] = {"role": "assistant", "content": choice["delta"].get("content")}


@on_each_choice
def text_beside_delta(choice: Chunk) -> None:
    choice["text"] = choice["delta"].get("content")


@rule(
    id="chat/choice/delta-alone",
    level=SHOULD,
    says="A choice has no message and no text beside its delta.",
    source=(CLIENTS.at("scenario 92: the helper of openai-python raises"), ALWAYS),
    needs=STREAM,
    broken_by=(message_beside_delta, text_beside_delta),
)
def delta_alone(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if any(f'"{name}"'.encode() in body for name in MISPLACED):
        steps = [s for s in stream.chunks if _misplaced(s.chunk)]
        yield from stream.first_of(steps, "a choice with delta alone", lambda s: f"{_misplaced(s.chunk)} beside delta")


def _misplaced(chunk: Chunk | None) -> str:
    """The first member of a choice that has no business beside its delta, "" where there is none."""
    choices = (chunk or {}).get("choices")
    for choice in choices if isinstance(choices, list) else []:
        for name in MISPLACED:
            if isinstance(choice, dict) and "delta" in choice and name in choice:
                return name
    return ""


@on_chunks
def reason_left_out_before_the_end(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["finish_reason"] is None:
                del choice["finish_reason"]
    return chunks


@on_one_chunk
def reason_left_out_once(chunk: Chunk) -> None:
    del chunk["choices"][0]["finish_reason"]


@rule(
    id="chat/choice/finish-reason-present",
    level=MUST,
    says="Every choice has a finish_reason, null until the end.",
    source=(CHOICE, ALWAYS, issue("vllm-project/vllm#19650"), issue("maximhq/bifrost#7397")),
    needs=STREAM,
    broken_by=(reason_left_out_before_the_end, reason_left_out_once),
)
def finish_reason_present(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/finish_reason", where=is_absent)


@on_each_choice
def reason_empty(choice: Chunk) -> None:
    choice["finish_reason"] = choice["finish_reason"] or ""


@on_each_choice
def null_as_text(choice: Chunk) -> None:
    choice["finish_reason"] = choice["finish_reason"] or "null"


@on_each_choice
def reason_of_the_engine(choice: Chunk) -> None:
    """What the engine calls a natural end."""
    if choice["finish_reason"] == "stop":
        choice["finish_reason"] = "eos_token"


@on_each_choice
def reason_in_capitals(choice: Chunk) -> None:
    if choice["finish_reason"]:
        choice["finish_reason"] = choice["finish_reason"].upper()


@on_each_choice
def reason_false(choice: Chunk) -> None:
    choice["finish_reason"] = choice["finish_reason"] or False


@rule(
    id="chat/choice/finish-reason-known",
    level=MUST,
    says="A finish_reason is stop, length, tool_calls, content_filter, function_call or null.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices.finish_reason"),
        ALWAYS,
        issue("ollama/ollama#4357"),
        issue("sgl-project/sglang#3912"),
        issue("spring-projects/spring-ai#1358"),
    ),
    needs=STREAM,
    broken_by=(reason_empty, null_as_text, reason_of_the_engine, reason_in_capitals, reason_false),
)
def finish_reason_known(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/finish_reason", where=is_other)


RULES = (
    object_,
    index_integer,
    delta_object,
    delta_alone,
    finish_reason_present,
    finish_reason_known,
)
