"""The limits of a text completion: stop sequences, max_tokens, and the limit that holds where none is asked for."""

from collections.abc import Iterator

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.rules.chat import limits as chat
from conformance.rules.chat.tokens import is_count
from conformance.rules.mutate import Chunk
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import OPENAPI, issue

from .mutate import on_chunks
from .needs import LIMITED, ONE_TOKEN, STOP, UNLIMITED
from .of_chat import ALWAYS, of_chat

DEFAULT = 16
"""Tokens of a completion whose request has no max_tokens."""
SPLIT = 4
"""Chunks more than tokens: a chunk has a token in it, or more, but what was held back for a stop may come in two."""

stop_sequence_cut = of_chat(
    chat.stop_sequence_cut,
    OPENAPI.at("StopConfiguration: the returned text will not contain the stop sequence"),
    issue("vllm-project/vllm#3574"),
    needs=STOP,
)
limit_finishes_with_length = of_chat(
    chat.limit_finishes_with_length,
    OPENAPI.at("CreateCompletionResponse.choices.finish_reason: length if the maximum number of tokens was reached"),
    needs=ONE_TOKEN,
)


def _more_of(chunks: list[Chunk], more: int) -> list[Chunk]:
    """The first choice goes on for so many tokens more."""
    at = next((i for i, c in enumerate(chunks) if c["choices"] and c["choices"][0]["finish_reason"]), None)
    if at is None:
        return chunks
    finish = chunks[at]
    choice = {**finish["choices"][0], "text": " on", "finish_reason": None}
    for chunk in chunks:
        if chunk.get("usage"):
            chunk["usage"] = {
                **chunk["usage"],
                "completion_tokens": chunk["usage"]["completion_tokens"] + more,
                "total_tokens": chunk["usage"]["total_tokens"] + more,
            }
    return [*chunks[:at], *({**finish, "choices": [choice]} for _ in range(more)), *chunks[at:]]


@on_chunks
def limit_ignored(chunks: list[Chunk]) -> list[Chunk]:
    return _more_of(chunks, 600)


limit_kept = of_chat(
    chat.limit_kept,
    OPENAPI.at("CreateCompletionRequest.max_tokens: the maximum number of tokens that can be generated"),
    needs=LIMITED,
    broken_by=(limit_ignored,),
    also_breaks=("completions/twin/same-text", "completions/twin/same-usage"),
)


@on_chunks
def no_limit(chunks: list[Chunk]) -> list[Chunk]:
    """The text goes on until the model ends it, as from llama.cpp."""
    return _more_of(chunks, 100)


@on_chunks
def another_default(chunks: list[Chunk]) -> list[Chunk]:
    """Somebody found 16 too few."""
    return _more_of(chunks, 16)


@rule(
    id="completions/limits/default-sixteen",
    level=MUST,
    says="A completion whose request sets no max_tokens is no longer than 16 tokens.",
    source=(OPENAPI.at("CreateCompletionRequest.max_tokens: default 16"), ALWAYS),
    needs=UNLIMITED,
    broken_by=(no_limit, another_default),
)
def default_sixteen(stream: View) -> Iterator[Finding]:
    most = DEFAULT * max(1, len(stream.choices))
    counted = (stream.usage or {}).get("completion_tokens")
    if is_count(counted) and counted > most:  # type: ignore[operator]  # a count is a number
        yield stream.finding(f"at most {most} tokens", f"completion_tokens {counted}", stream.usages[-1])
        return
    for choice in stream.choices.values():
        texts = [step for step, _ in choice.texts if step.before is not State.DONE]
        if len(texts) > DEFAULT + SPLIT:
            yield stream.finding(f"at most {DEFAULT} tokens", f"{len(texts)} chunks with text", texts[DEFAULT])
            return


RULES = (
    stop_sequence_cut,
    limit_finishes_with_length,
    limit_kept,
    default_sixteen,
)
