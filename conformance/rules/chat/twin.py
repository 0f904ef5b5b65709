"""The same request streamed and not streamed: both say the same. Knows nothing of either answer by itself.

Only what both answers have is compared; what one of them lacks is the business of other rules.
"""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.document import on_completion
from conformance.rules.chat.tokens import is_count
from conformance.rules.determinism import parting
from conformance.rules.mutate import Chunk, finish_as, on_chunks, on_each_chunk, spoken, text_of
from conformance.rules.needs import TWIN
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

DETERMINISTIC = SUITE.at("temperature 0 and a seed, on a target that declares itself deterministic")
REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")
AROUND = 30
"""Characters shown before the place where two texts part."""


def _choices(stream: View) -> dict[int, dict[str, Any]]:
    """The choices of the answer that was not streamed, those with an index and a message or a text."""
    document = stream.exchange.beside.document if stream.exchange.beside else None
    found = document.get("choices") if isinstance(document, dict) else None
    whole = [c for c in found if isinstance(c, dict)] if isinstance(found, list) else []
    return {c["index"]: c for c in whole if isinstance(c.get("index"), int) and _says(c) is not None}


def _says(choice: dict[str, Any]) -> dict[str, Any] | None:
    """What a choice of a completion says, or of a text completion, which is all in its text."""
    message = choice.get("message", {"content": choice["text"]} if "text" in choice else None)
    return message if isinstance(message, dict) else None


def _usage(stream: View) -> dict[str, Any]:
    document = stream.exchange.beside.document if stream.exchange.beside else None
    found = document.get("usage") if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _without(chunks: list[Chunk], position: int) -> list[Chunk]:
    """Leave out one piece of text of choice 0, if others remain."""
    said = spoken(chunks)
    return [c for c in chunks if c is not said[position]] if len(said) > 1 else chunks


@on_chunks
def first_piece_lost(chunks: list[Chunk]) -> list[Chunk]:
    return _without(chunks, 0)


@on_chunks
def piece_lost(chunks: list[Chunk]) -> list[Chunk]:
    return _without(chunks, 1)


@on_chunks
def last_piece_lost(chunks: list[Chunk]) -> list[Chunk]:
    """What was held back for a stop sequence is not sent at the end, as once from llama.cpp."""
    return _without(chunks, -1)


@on_chunks
def piece_doubled(chunks: list[Chunk]) -> list[Chunk]:
    said = spoken(chunks)
    return [c for chunk in chunks for c in ((chunk, chunk) if said and chunk is said[-1] else (chunk,))]


@on_chunks
def pieces_swapped(chunks: list[Chunk]) -> list[Chunk]:
    said = spoken(chunks)
    if len(said) > 2:
        one, other = (chunk["choices"][0]["delta"] for chunk in said[1:3])
        one["content"], other["content"] = other["content"], one["content"]
    return chunks


@on_chunks
def spaces_trimmed(chunks: list[Chunk]) -> list[Chunk]:
    """Each piece is decoded by itself, and loses the space it begins with."""
    for chunk in spoken(chunks):
        chunk["choices"][0]["delta"]["content"] = text_of(chunk).strip() or " "
    return chunks


@on_completion
def document_cut(document: dict[str, Any]) -> None:
    message = document["choices"][0]["message"]
    if message["content"]:
        message["content"] = message["content"][:-2]


@rule(
    id="chat/twin/same-text",
    level=MUST,
    says="The deltas put together are the text of the same request not streamed.",
    source=(
        OPENAPI.at("ChatCompletionStreamResponseDelta.content: the contents of the chunk message"),
        DETERMINISTIC,
        issue("ggml-org/llama.cpp#9867"),
        issue("run-llama/llama_index#8014"),
        issue("sgl-project/sglang#30188"),
    ),
    needs=TWIN,
    broken_by=(
        first_piece_lost,
        piece_lost,
        last_piece_lost,
        piece_doubled,
        pieces_swapped,
        spaces_trimmed,
        document_cut,
    ),
)
def same_text(stream: View) -> Iterator[Finding]:
    if not stream.completed or stream.last is None or stream.last.before is State.DONE:
        return  # what comes after [DONE] is text to some clients only
    for index, twin in _choices(stream).items():
        choice, wanted = stream.choices.get(index), (_says(twin) or {}).get("content")
        if choice is None or not choice.finishes or choice.first_payload is None or not isinstance(wanted, str):
            continue
        if choice.text != wanted:
            at = parting(choice.text, wanted)
            around = slice(max(0, at - AROUND), at + 2 * AROUND)
            step = choice.step_at(at) if choice.texts else choice.finishes[0][0]
            got = f"{show(choice.text[around])} from character {at}"
            yield stream.finding(f"{show(wanted[around])}, as not streamed", got, step)


@on_chunks
def stream_says_length(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "length")


@on_completion
def document_says_length(document: dict[str, Any]) -> None:
    document["choices"][0]["finish_reason"] = "length"


@rule(
    id="chat/twin/same-finish-reason",
    level=MUST,
    says="The finish_reason is that of the same request not streamed.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.choices.finish_reason"), DETERMINISTIC),
    needs=TWIN,
    broken_by=(stream_says_length, document_says_length),
)
def same_finish_reason(stream: View) -> Iterator[Finding]:
    for index, twin in _choices(stream).items():
        choice, wanted = stream.choices.get(index), twin.get("finish_reason")
        if choice is None or len(choice.finishes) != 1 or wanted not in REASONS or choice.finish not in REASONS:
            continue
        if choice.finish != wanted:
            yield stream.finding(f"{show(wanted)}, as not streamed", choice.finish, choice.finishes[0][0])


@on_chunks
def reply_counted_twice(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        if chunk.get("usage"):
            counted = chunk["usage"]["completion_tokens"]
            chunk["usage"]["completion_tokens"] += counted
            chunk["usage"]["total_tokens"] += counted
    return chunks


@on_completion
def prompt_counted_otherwise(document: dict[str, Any]) -> None:
    document["usage"]["prompt_tokens"] += 3
    document["usage"]["total_tokens"] += 3


@rule(
    id="chat/twin/same-usage",
    level=SHOULD,
    says="The usage is that of the same request not streamed.",
    source=(OPENAPI.at("CompletionUsage"), DETERMINISTIC, issue("vllm-project/vllm#8625")),
    needs=TWIN,
    broken_by=(reply_counted_twice, prompt_counted_otherwise),
)
def same_usage(stream: View) -> Iterator[Finding]:
    counted, wanted = stream.usage or {}, _usage(stream)
    if len(stream.usages) != 1 or not any(counted.values()):
        return
    for name in ("prompt_tokens", "completion_tokens"):
        one, other = counted.get(name), wanted.get(name)
        if is_count(one) and is_count(other) and one != other:
            step = stream.usages[-1]
            yield stream.finding(f"{name} {other}, as not streamed", f"{name} {one}", step, pointer=f"/usage/{name}")


@on_each_chunk
def stream_names_another_model(chunk: Chunk) -> None:
    chunk["model"] = f"{chunk['model']}-streaming"


@on_completion
def document_names_the_upstream(document: dict[str, Any]) -> None:
    """A gateway puts its alias into chunks, and hands documents on as they are."""
    document["model"] = "upstream/model-of-another-name"


@rule(
    id="chat/twin/same-model",
    level=SHOULD,
    says="The model is that of the same request not streamed.",
    source=(OPENAPI.at("model: the model used for the chat completion"), SUITE.at("one request, one model")),
    needs=TWIN,
    broken_by=(stream_names_another_model, document_names_the_upstream),
)
def same_model(stream: View) -> Iterator[Finding]:
    document = stream.exchange.beside.document if stream.exchange.beside else None
    wanted = document.get("model") if isinstance(document, dict) else None
    seen = [(step.chunk["model"], step) for _, step in stream.distinct("model") if step.chunk]
    models = [(model, step) for model, step in seen if isinstance(model, str) and model]
    if wanted and isinstance(wanted, str) and models and all(model != wanted for model, _ in models):
        model, step = models[0]
        yield stream.finding(f"{show(wanted)}, as not streamed", show(model), step, pointer="/model")


RULES = (
    same_text,
    same_finish_reason,
    same_usage,
    same_model,
)
