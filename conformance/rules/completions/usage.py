"""Where usage comes in a stream of text completions: as in one of chat. Knows nothing of the numbers."""

from conformance.rules.chat import usage as chat
from conformance.rules.mutate import Chunk, finish_chunk
from conformance.rules.sources import CLIENTS, OPENAPI, issue

from .mutate import in_text, on_chunks
from .needs import USAGE_ASKED, USAGE_NOT_ASKED
from .of_chat import ALWAYS, of_chat

EMPTY = {"text": "", "index": 0, "logprobs": None, "finish_reason": None}
"""A choice that says nothing."""
ASKED = OPENAPI.at("CreateCompletionRequest.stream_options, which is ChatCompletionStreamOptions")

sent_when_asked = of_chat(chat.sent_when_asked, ASKED, needs=USAGE_ASKED)
sent_once = of_chat(chat.sent_once, ASKED, needs=USAGE_ASKED)


@on_chunks
def with_an_empty_choice(chunks: list[Chunk]) -> list[Chunk]:
    """The chunk has a choice that says nothing, as chunks of chat have it from LiteLLM and OpenRouter."""
    if (chunk := chat.usage_chunk(chunks)) is not None:
        chunk["choices"] = [dict(EMPTY)]
    return chunks


@on_chunks
def empty_choice_after(chunks: list[Chunk]) -> list[Chunk]:
    """A last chunk without usage wipes out what clients have kept."""
    chunk = chat.usage_chunk(chunks)
    return [*chunks, {**chunk, "usage": None, "choices": [dict(EMPTY)]}] if chunk is not None else chunks


without_choices = of_chat(
    chat.without_choices,
    ASKED,
    needs=USAGE_ASKED,
    broken_by=(in_text(chat.on_the_finish_chunk), with_an_empty_choice),
)
after_every_finish = of_chat(chat.after_every_finish, ASKED, needs=USAGE_ASKED)
no_choice_after = of_chat(
    chat.no_choice_after,
    CLIENTS.at("scenarios 82 and 84: openai-python forgets the usage when a chunk without it follows"),
    ASKED,
    needs=USAGE_ASKED,
    broken_by=(empty_choice_after,),
)
null_elsewhere = of_chat(chat.null_elsewhere, ASKED, needs=USAGE_ASKED)
no_placeholders = of_chat(chat.no_placeholders, ASKED, needs=USAGE_ASKED)
nowhere_else = of_chat(
    chat.nowhere_else,
    CLIENTS.at("u_every_chunk: langchain and pydantic-ai add up the usage of all chunks"),
    ASKED,
    needs=USAGE_ASKED,
)


def _invented(chunks: list[Chunk]) -> dict[str, int]:
    """A usage object that could be true."""
    counted = max(1, sum(1 for chunk in chunks for choice in chunk["choices"] if choice["text"]))
    return {"prompt_tokens": 9, "completion_tokens": counted, "total_tokens": 9 + counted}


@on_chunks
def chunk_not_asked_for(chunks: list[Chunk]) -> list[Chunk]:
    return chunks if chat.usage_chunk(chunks) else [*chunks, {**chunks[-1], "choices": [], "usage": _invented(chunks)}]


@on_chunks
def on_the_finish_unasked(chunks: list[Chunk]) -> list[Chunk]:
    """As llama.cpp has it."""
    if chat.usage_chunk(chunks) is None and (finish := finish_chunk(chunks)) is not None:
        finish["usage"] = _invented(chunks)
    return chunks


only_when_asked = of_chat(
    chat.only_when_asked,
    OPENAPI.at("ChatCompletionStreamOptions.include_usage"),
    ALWAYS,
    issue("InternLM/lmdeploy#3832"),
    needs=USAGE_NOT_ASKED,
    broken_by=(chunk_not_asked_for, on_the_finish_unasked),
)

RULES = (
    sent_when_asked,
    sent_once,
    without_choices,
    after_every_finish,
    no_choice_after,
    null_elsewhere,
    no_placeholders,
    nowhere_else,
    only_when_asked,
)
