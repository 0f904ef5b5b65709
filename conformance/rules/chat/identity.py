"""What says that chunks belong together: id, created, model, system_fingerprint. Knows nothing of choices."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange, Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import SAME_TEXT, WRONG_JSON
from conformance.rules.mutate import Chunk, content_chunk, on_chunks, on_each_chunk
from conformance.rules.needs import LASTING, STREAM, TWO_STREAMS
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import OBSERVED, OPENAPI, SUITE, issue

ALWAYS = OBSERVED.at("109 of 109")
PREFIX = "chatcmpl-"


def _varies(stream: View, name: str, kind: type) -> Iterator[Finding]:
    """One finding where a member has several values of its type; values that stand for none are passed over."""
    values = [(value, step) for value, step in stream.distinct(name) if value and type(_sent(step, name)) is kind]
    if len(values) > 1:
        (first, _), (second, step) = values[:2]
        more = f", {len(values)} values in all" if len(values) > 2 else ""
        yield stream.finding(f"{show(first)} as before", f"{show(second)}{more}", step, pointer=f"/{name}")


def _sent(step: Step, name: str) -> object:
    return (step.chunk or {}).get(name)


def _sent_empty(stream: View, name: str) -> Iterator[Finding]:
    for value, step in stream.distinct(name):
        if value == "":
            yield stream.finding("a string that is not empty", '""', step, pointer=f"/{name}")


@on_chunks
def new_id_in_each_chunk(chunks: list[Chunk]) -> list[Chunk]:
    for number, chunk in enumerate(chunks):
        chunk["id"] += f"-{number}"
    return chunks


@on_chunks
def other_id_at_the_end(chunks: list[Chunk]) -> list[Chunk]:
    """The usage, or the finish, is written by other code than the text."""
    chunks[-1]["id"] += "-end"
    return chunks


@on_chunks
def id_of_each_choice(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"][:1]:
            chunk["id"] += "" if choice["index"] == 0 else f"-{choice['index']}"
    return chunks


@on_chunks
def chunk_of_another_stream(chunks: list[Chunk]) -> list[Chunk]:
    """Two requests share a buffer, and a piece of one gets into the other."""
    if (chunk := content_chunk(chunks)) is None:
        return chunks
    at = next(i for i, c in enumerate(chunks) if c is chunk)
    strayed = {**chunk, "id": f"{chunk['id']}-other"}
    strayed["choices"] = [{"index": 0, "delta": {"content": " elsewhere"}, "logprobs": None, "finish_reason": None}]
    return [*chunks[: at + 1], strayed, *chunks[at + 1 :]]


@rule(
    id="chat/identity/id-constant",
    level=MUST,
    says="All chunks of a response have the same id.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.id: Each chunk has the same ID"),
        ALWAYS,
        issue("microsoft/foundry-local#144"),
        issue("sgl-project/sglang#39864"),
        issue("BerriAI/litellm#1571"),
        issue("OpenBMB/StaffDeck#137"),
    ),
    needs=STREAM,
    broken_by=(new_id_in_each_chunk, other_id_at_the_end, id_of_each_choice, chunk_of_another_stream),
    also_breaks=(SAME_TEXT, "chat/logprob-text/with-every-text", *WRONG_JSON),
)
def id_constant(stream: View) -> Iterator[Finding]:
    yield from _varies(stream, "id", str)


@on_each_chunk
def id_empty(chunk: Chunk) -> None:
    chunk["id"] = ""


@on_chunks
def first_id_empty(chunks: list[Chunk]) -> list[Chunk]:
    chunks[0]["id"] = ""
    return chunks


@rule(
    id="chat/identity/id-not-empty",
    level=MUST,
    says="No id is empty.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.id: A unique identifier"),
        ALWAYS,
        issue("huggingface/text-generation-inference#1782"),
    ),
    needs=STREAM,
    broken_by=(id_empty, first_id_empty),
)
def id_not_empty(stream: View) -> Iterator[Finding]:
    yield from _sent_empty(stream, "id")


@on_chunks
def time_of_each_chunk(chunks: list[Chunk]) -> list[Chunk]:
    for number, chunk in enumerate(chunks):
        chunk["created"] += number // 2
    return chunks


@on_chunks
def time_of_the_end(chunks: list[Chunk]) -> list[Chunk]:
    chunks[-1]["created"] += 3
    return chunks


@rule(
    id="chat/identity/created-constant",
    level=MUST,
    says="All chunks of a response have the same created.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.created: Each chunk has the same timestamp"),
        ALWAYS,
        issue("sgl-project/sglang#39864"),
    ),
    needs=LASTING,
    broken_by=(time_of_each_chunk, time_of_the_end),
)
def created_constant(stream: View) -> Iterator[Finding]:
    yield from _varies(stream, "created", int)


@on_chunks
def alias_at_the_end(chunks: list[Chunk]) -> list[Chunk]:
    """A gateway that puts its own name for the model in every chunk but the last."""
    chunks[-1]["model"] = "provider/mock"
    return chunks


@on_chunks
def model_falls_back(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks[len(chunks) // 2 :]:
        chunk["model"] = "mock-small"
    return chunks


@rule(
    id="chat/identity/model-constant",
    level=SHOULD,
    says="All chunks of a response name the same model.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.model"), ALWAYS),
    needs=STREAM,
    broken_by=(alias_at_the_end, model_falls_back),
)
def model_constant(stream: View) -> Iterator[Finding]:
    yield from _varies(stream, "model", str)


@on_each_chunk
def model_empty(chunk: Chunk) -> None:
    chunk["model"] = ""


@on_chunks
def first_model_empty(chunks: list[Chunk]) -> list[Chunk]:
    chunks[0]["model"] = ""
    return chunks


@rule(
    id="chat/identity/model-not-empty",
    level=SHOULD,
    says="Every model is named.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.model"), ALWAYS),
    needs=STREAM,
    broken_by=(model_empty, first_model_empty),
)
def model_not_empty(stream: View) -> Iterator[Finding]:
    yield from _sent_empty(stream, "model")


@on_chunks
def fingerprint_of_each_replica(chunks: list[Chunk]) -> list[Chunk]:
    for number, chunk in enumerate(chunks):
        chunk["system_fingerprint"] = f"fp_{number % 2}"
    return chunks


@rule(
    id="chat/identity/fingerprint-constant",
    level=SHOULD,
    says="The system_fingerprint is the same wherever it is sent.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.system_fingerprint"), ALWAYS),
    needs=STREAM,
    broken_by=(fingerprint_of_each_replica,),
)
def fingerprint_constant(stream: View) -> Iterator[Finding]:
    yield from _varies(stream, "system_fingerprint", str)


@on_chunks
def tier_resolved_midway(chunks: list[Chunk]) -> list[Chunk]:
    """The tier that was asked for first, the tier that was used after it."""
    chunks[0]["service_tier"] = "auto"
    return chunks


@rule(
    id="chat/identity/tier-constant",
    level=SHOULD,
    says="The service_tier is the same wherever it is sent.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.service_tier: the tier actually used"), ALWAYS),
    needs=STREAM,
    broken_by=(tier_resolved_midway,),
)
def tier_constant(stream: View) -> Iterator[Finding]:
    yield from _varies(stream, "service_tier", str)


@on_each_chunk
def bare_hexadecimal(chunk: Chunk) -> None:
    chunk["id"] = chunk["id"].removeprefix(PREFIX)


@on_each_chunk
def prefix_of_text_completions(chunk: Chunk) -> None:
    chunk["id"] = chunk["id"].replace(PREFIX, "cmpl-")


@rule(
    id="chat/identity/id-prefixed",
    level=MAY,
    says="An id begins with chatcmpl-.",
    source=(OBSERVED.at("109 of 109"), OPENAPI.at("examples of CreateChatCompletionStreamResponse")),
    needs=STREAM,
    broken_by=(bare_hexadecimal, prefix_of_text_completions),
)
def id_prefixed(stream: View) -> Iterator[Finding]:
    for value, step in stream.distinct("id"):
        if value and isinstance(_sent(step, "id"), str) and not str(value).startswith(PREFIX):
            yield stream.finding(f"{PREFIX}...", value, step, pointer="/id")
            return


@on_each_chunk
def id_never_changes(chunk: Chunk) -> None:
    chunk["id"] = "chatcmpl-1"


@rule(
    id="chat/identity/id-unique",
    level=SHOULD,
    says="Two responses have different ids.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.id: A unique identifier"),
        SUITE.at("two requests, one after the other"),
        issue("ollama/ollama#4357"),
    ),
    needs=TWO_STREAMS,
    broken_by=(id_never_changes,),
)
def id_unique(stream: View) -> Iterator[Finding]:
    earlier = _ids(stream.exchange.beside)
    for value, step in stream.distinct("id"):
        if value and _sent(step, "id") in earlier:
            yield stream.finding("an id of its own", f"{show(value)}, as in the response before", step, pointer="/id")
            return


def _ids(exchange: Exchange | None) -> set[object]:
    steps: tuple[Step, ...] = exchange.steps if exchange else ()
    return {s.chunk["id"] for s in steps if s.chunk and isinstance(s.chunk.get("id"), str)}


RULES = (
    id_constant,
    id_not_empty,
    created_constant,
    model_constant,
    model_not_empty,
    fingerprint_constant,
    tier_constant,
    id_prefixed,
    id_unique,
)
