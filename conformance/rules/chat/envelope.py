"""The members of a chunk, each for itself: present, and of the right type. Knows nothing of what is inside a choice."""

from collections.abc import Iterator

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.protocols.payload import Flaw
from conformance.protocols.schema_errors import SchemaError
from conformance.rules.mutate import Chunk, on_chunks, on_each_chunk, on_one_chunk
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue

CHUNK = OPENAPI.at("CreateChatCompletionStreamResponse.required")
ALWAYS = OBSERVED.at("109 of 109")
EARLIEST, LATEST = 1.5e9, 4e9
"""2017 and 2096 in seconds since 1970; the same moments in milliseconds are a thousand times more."""
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


def is_written(error: SchemaError) -> bool:
    """The value is what was sent: no null that the reader put in the place of NaN, which has a rule of its own."""
    return not (error.value is None and error.step is not None and error.step.flaw is Flaw.NOT_A_NUMBER)


@on_each_chunk
def id_left_out(chunk: Chunk) -> None:
    del chunk["id"]


@on_one_chunk
def id_null(chunk: Chunk) -> None:
    chunk["id"] = None


@on_each_chunk
def id_number(chunk: Chunk) -> None:
    chunk["id"] = 42


@rule(
    id="chat/envelope/id-string",
    level=MUST,
    says="Every chunk has an id, a string.",
    source=(CHUNK, ALWAYS, issue("huggingface/text-generation-inference#1782")),
    needs=STREAM,
    broken_by=(id_left_out, id_null, id_number),
)
def id_string(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/id", where=is_written)


@on_each_chunk
def object_left_out(chunk: Chunk) -> None:
    del chunk["object"]


@on_each_chunk
def object_of_a_document(chunk: Chunk) -> None:
    chunk["object"] = "chat.completion"


@on_each_chunk
def object_of_a_text_completion(chunk: Chunk) -> None:
    chunk["object"] = "text_completion"


@on_one_chunk
def object_empty(chunk: Chunk) -> None:
    chunk["object"] = ""


@rule(
    id="chat/envelope/object-named",
    level=MUST,
    says="The object of every chunk is chat.completion.chunk.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.object"),
        ALWAYS,
        CLIENTS.at("scenario 22: the helper of openai-python drops every chunk"),
        issue("huggingface/text-generation-inference#1648"),
        issue("openai/openai-dotnet#706"),
    ),
    needs=STREAM,
    broken_by=(object_left_out, object_of_a_document, object_of_a_text_completion, object_empty),
)
def object_named(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/object", where=is_written)


@on_each_chunk
def created_left_out(chunk: Chunk) -> None:
    del chunk["created"]


@on_each_chunk
def created_text(chunk: Chunk) -> None:
    chunk["created"] = str(chunk["created"])


@on_each_chunk
def created_fraction(chunk: Chunk) -> None:
    chunk["created"] += 0.25


@on_each_chunk
def created_with_decimal_point(chunk: Chunk) -> None:
    """A whole number, but clients in Go and Rust that expect an integer refuse it."""
    chunk["created"] = float(chunk["created"])


@rule(
    id="chat/envelope/created-integer",
    level=MUST,
    says="Every chunk has created, written as an integer.",
    source=(CHUNK, ALWAYS, CLIENTS.at("scenario 64: the AI SDK refuses every chunk with a string here")),
    needs=STREAM,
    broken_by=(created_left_out, created_text, created_fraction, created_with_decimal_point),
)
def created_integer(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/created", where=is_written)


@on_each_chunk
def created_in_milliseconds(chunk: Chunk) -> None:
    chunk["created"] *= 1000


@on_each_chunk
def created_zero(chunk: Chunk) -> None:
    chunk["created"] = 0


@rule(
    id="chat/envelope/created-in-seconds",
    level=MUST,
    says="The value of created is a time of our age in seconds since 1970.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.created: Unix timestamp (in seconds)"), ALWAYS),
    needs=STREAM,
    broken_by=(created_in_milliseconds, created_zero),
)
def created_in_seconds(stream: View) -> Iterator[Finding]:
    for value, step in stream.distinct("created"):
        if type(value) is int and not EARLIEST < value < LATEST:
            yield stream.finding("seconds since 1970", value, step, pointer="/created")
            return


@on_each_chunk
def model_left_out(chunk: Chunk) -> None:
    del chunk["model"]


@on_each_chunk
def model_null(chunk: Chunk) -> None:
    chunk["model"] = None


@rule(
    id="chat/envelope/model-string",
    level=MUST,
    says="Every chunk has a model, a string.",
    source=(CHUNK, ALWAYS),
    needs=STREAM,
    broken_by=(model_left_out, model_null),
)
def model_string(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/model", where=is_written)


@on_each_chunk
def fingerprint_number(chunk: Chunk) -> None:
    chunk["system_fingerprint"] = 7


@rule(
    id="chat/envelope/fingerprint-string",
    level=MUST,
    says="The system_fingerprint is a string or null, where there is one.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.system_fingerprint"), ALWAYS),
    needs=STREAM,
    broken_by=(fingerprint_number,),
)
def fingerprint_string(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/system_fingerprint", where=is_written)


@on_each_chunk
def tier_object(chunk: Chunk) -> None:
    chunk["service_tier"] = {"name": "default"}


@rule(
    id="chat/envelope/tier-string",
    level=MUST,
    says="The service_tier is a string or null, where there is one.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.service_tier"), ALWAYS),
    needs=STREAM,
    broken_by=(tier_object,),
)
def tier_string(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/service_tier", where=is_written)


@on_chunks
def choices_null_with_usage(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        if not chunk["choices"]:
            chunk["choices"] = None
    return chunks


@on_chunks
def choices_left_out_with_usage(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        if not chunk["choices"]:
            del chunk["choices"]
    return chunks


@on_one_chunk
def choices_null(chunk: Chunk) -> None:
    chunk["choices"] = None


@on_each_chunk
def choices_an_object(chunk: Chunk) -> None:
    chunk["choices"] = {str(choice["index"]): choice for choice in chunk["choices"]}


@rule(
    id="chat/envelope/choices-array",
    level=MUST,
    says="Every chunk has choices, an array, be it empty.",
    source=(
        CHUNK,
        ALWAYS,
        CLIENTS.at("scenarios 16, 17: the helpers of openai-python and openai-node raise, so does the AI SDK"),
        issue("cline/cline#8527"),
        issue("pydantic/pydantic-ai#5165"),
    ),
    needs=STREAM,
    broken_by=(choices_null_with_usage, choices_left_out_with_usage, choices_null, choices_an_object),
)
def choices_array(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices", where=is_written)


@on_each_chunk
def error_null(chunk: Chunk) -> None:
    chunk["error"] = None


@rule(
    id="chat/envelope/error-left-out",
    level=SHOULD,
    says="A chunk that is no error has no error member, not even null.",
    source=(CLIENTS.at("finding 9: the AI SDK takes a chunk with error null for an error"), ALWAYS),
    needs=STREAM,
    broken_by=(error_null,),
)
def error_left_out(stream: View) -> Iterator[Finding]:
    if b'"error"' in stream.exchange.body:
        steps = [s for s in stream.chunks if s.chunk and "error" in s.chunk and s.before is not State.DONE]
        yield from stream.first_of(steps, "no error member", lambda _: '"error": null', pointer="/error")


def _counted(chunks: list[Chunk]) -> Iterator[Chunk]:
    return (chunk for chunk in chunks if chunk.get("usage"))


@on_chunks
def count_as_text(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        chunk["usage"]["completion_tokens"] = str(chunk["usage"]["completion_tokens"])
    return chunks


@on_chunks
def count_negative(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        chunk["usage"]["prompt_tokens_details"]["cached_tokens"] = -1
    return chunks


@on_chunks
def count_with_decimal_point(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        chunk["usage"]["prompt_tokens"] = float(chunk["usage"]["prompt_tokens"])
    return chunks


@on_chunks
def count_null(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        chunk["usage"]["prompt_tokens"] = None
    return chunks


@on_chunks
def total_left_out(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        del chunk["usage"]["total_tokens"]
    return chunks


@on_chunks
def usage_in_a_list(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in _counted(chunks):
        chunk["usage"] = [chunk["usage"]]
    return chunks


@rule(
    id="chat/envelope/usage-counts",
    level=MUST,
    says="Usage is null or holds prompt, completion and total tokens; every count is an integer from 0.",
    source=(OPENAPI.at("CompletionUsage.required"), ALWAYS, issue("BerriAI/litellm#1571")),
    needs=STREAM,
    broken_by=(count_as_text, count_negative, count_with_decimal_point, count_null, total_left_out, usage_in_a_list),
)
def usage_counts(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(*COUNTS, where=is_written)


RULES = (
    id_string,
    object_named,
    created_integer,
    created_in_seconds,
    model_string,
    fingerprint_string,
    tier_string,
    choices_array,
    error_left_out,
    usage_counts,
)
