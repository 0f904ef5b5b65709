"""Which chunk of a text completion may come where. Knows no text and no usage."""

from conformance.rules.chat import order as chat
from conformance.rules.mutate import Chunk
from conformance.rules.sources import CLIENTS, OPENAPI, SUITE, issue

from .mutate import in_text, on_chunks
from .needs import READ_ALL, SEVERAL, STREAM
from .of_chat import ALWAYS, of_chat

INDEX = OPENAPI.at("CreateCompletionResponse.choices.index")


@on_chunks
def empty_chunk_after_finish(chunks: list[Chunk]) -> list[Chunk]:
    """What clears the connection is sent as a chunk with nothing in it."""
    at = max((i for i, c in enumerate(chunks) if c["choices"]), default=0)
    extra = [{**choice, "text": "", "finish_reason": None} for choice in chunks[at]["choices"]]
    return [*chunks[: at + 1], {**chunks[at], "choices": extra}, *chunks[at + 1 :]]


@on_chunks
def five_empty_for_each_token(chunks: list[Chunk]) -> list[Chunk]:
    """Tokens that are held back are sent as chunks with nothing in them."""
    changed: list[Chunk] = []
    for chunk in chunks:
        if any(choice["text"] for choice in chunk["choices"]):
            empty = [{**choice, "text": "", "logprobs": None} for choice in chunk["choices"]]
            changed += [{**chunk, "choices": empty} for _ in range(5)]
        changed.append(chunk)
    return changed


choice_sent = of_chat(chat.choice_sent, ALWAYS, needs=READ_ALL)
nothing_after_finish = of_chat(
    chat.nothing_after_finish,
    ALWAYS,
    CLIENTS.at("scenario 12: every client appends it to a text that was said to be complete"),
    needs=STREAM,
    says="No text follows the finish_reason of a choice.",
    broken_by=(in_text(chat.finish_overtakes_the_text),),
)
no_empty_chunk_after_finish = of_chat(
    chat.no_empty_chunk_after_finish,
    ALWAYS,
    needs=STREAM,
    broken_by=(empty_chunk_after_finish,),
)
finish_once = of_chat(
    chat.finish_once, OPENAPI.at("CreateCompletionResponse.choices.finish_reason"), ALWAYS, needs=STREAM
)
finish_of_its_own = of_chat(chat.finish_of_its_own, INDEX, issue("ggml-org/llama.cpp#20226"), needs=SEVERAL)
index_in_range = of_chat(
    chat.index_in_range,
    INDEX,
    ALWAYS,
    needs=STREAM,
    says="An index is the number of a choice, from 0 to n for each prompt, less 1.",
)
choices_empty_for_a_reason = of_chat(
    chat.choices_empty_for_a_reason,
    OPENAPI.at("ChatCompletionStreamOptions.include_usage: choices is an empty array"),
    ALWAYS,
    needs=STREAM,
)
few_empty_chunks = of_chat(
    chat.few_empty_chunks, SUITE.at("10 %"), ALWAYS, needs=STREAM, broken_by=(five_empty_for_each_token,)
)

RULES = (
    choice_sent,
    nothing_after_finish,
    no_empty_chunk_after_finish,
    finish_once,
    finish_of_its_own,
    index_in_range,
    choices_empty_for_a_reason,
    few_empty_chunks,
)
