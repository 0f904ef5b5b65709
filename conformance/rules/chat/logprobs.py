"""The shape of logprobs, token by token. Knows nothing of the text that they belong to."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.rules.mutate import Chunk, on_one_chunk
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OBSERVED, OPENAPI

from .envelope import is_written

LOGPROBS = "/choices/*/logprobs"
LISTS = (f"{LOGPROBS}/content", f"{LOGPROBS}/refusal")
ENTRIES = tuple(f"{tokens}/*{more}" for tokens in LISTS for more in ("", "/top_logprobs/*"))
SHAPES = (
    *ENTRIES,
    *(f"{entry}/{name}" for entry in ENTRIES for name in ("token", "logprob", "bytes", "bytes/*")),
    *(f"{tokens}/*/top_logprobs" for tokens in LISTS),
)


def _token(**members: object) -> Chunk:
    """One token as it has to be, changed."""
    return {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": [97]}],
        **members,
    }


def _put(chunk: Chunk, logprobs: Any) -> None:
    chunk["choices"][0]["logprobs"] = logprobs


@on_one_chunk
def refusal_left_out(chunk: Chunk) -> None:
    """As from vLLM, SGLang and llama.cpp."""
    if logprobs := chunk["choices"][0]["logprobs"]:
        del logprobs["refusal"]


@on_one_chunk
def in_a_list(chunk: Chunk) -> None:
    _put(chunk, [_token()])


@on_one_chunk
def as_text_completions_have_them(chunk: Chunk) -> None:
    _put(chunk, {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"a": -0.5}], "text_offset": [0]})


@rule(
    id="chat/logprobs/shape",
    level=SHOULD,
    says="Logprobs are null or an object of content and refusal, each an array or null.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse.choices.logprobs.required"), OBSERVED.at("109 of 109")),
    needs=STREAM,
    broken_by=(refusal_left_out, in_a_list, as_text_completions_have_them),
)
def shape(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(LOGPROBS, *LISTS, where=is_written)


@on_one_chunk
def bytes_left_out(chunk: Chunk) -> None:
    token = _token()
    del token["bytes"]
    _put(chunk, {"content": [token], "refusal": None})


@on_one_chunk
def bytes_as_text(chunk: Chunk) -> None:
    _put(chunk, {"content": [_token(bytes="a")], "refusal": None})


@on_one_chunk
def alternatives_in_an_object(chunk: Chunk) -> None:
    _put(chunk, {"content": [_token(top_logprobs={"a": -0.5})], "refusal": None})


@on_one_chunk
def logprob_null(chunk: Chunk) -> None:
    _put(chunk, {"content": [_token(logprob=None)], "refusal": None})


@on_one_chunk
def alternative_without_token(chunk: Chunk) -> None:
    _put(chunk, {"content": [_token(top_logprobs=[{"logprob": -0.5, "bytes": [97]}])], "refusal": None})


@rule(
    id="chat/logprobs/tokens",
    level=MUST,
    says="Every token of logprobs has token, logprob, bytes and top_logprobs of the right types.",
    source=(OPENAPI.at("ChatCompletionTokenLogprob.required"), OBSERVED.at("109 of 109")),
    needs=STREAM,
    broken_by=(bytes_left_out, bytes_as_text, alternatives_in_an_object, logprob_null, alternative_without_token),
)
def tokens(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(*SHAPES, where=is_written)


RULES = (shape, tokens)
