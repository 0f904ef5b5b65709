"""The text of each message as JSON. Knows nothing of what the JSON says; empty messages belong to `sse`."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View, is_foreign
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.protocols.payload import Flaw, duplicate_key
from conformance.rules.mutate import DONE, Chunk, on_chunks, on_messages, on_one_message
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, RFC8259, SUITE, issue

BATCH = 256
"""Chunks written again at once when keys are counted; bounds the memory it takes."""
QUOTES = (b'"', b"\\u0022")
"""The two ways to write a quotation mark in JSON text."""


def _flawed(stream: View, flaw: Flaw) -> list[Step]:
    return [s for s in stream.steps if s.flaw is flaw and s.before is not State.DONE]


def _with_member(text: str, member: str) -> str:
    """A member that is not ours, as the servers themselves add some, before the last brace."""
    return f"{text[:-1]},{member}}}"


@on_one_message
def trailing_comma(text: str) -> str:
    return text[:-1] + ",}"


@on_one_message
def written_by_python(text: str) -> str:
    return repr(json.loads(text))


@on_one_message
def cut_in_the_middle(text: str) -> str:
    return text[: len(text) // 2]


@on_messages
def plain_text_ping(messages: list[str]) -> list[str]:
    return [messages[0], "ping", *messages[1:]]


@on_messages
def error_page(messages: list[str]) -> list[str]:
    """What a proxy says when its upstream dies."""
    return [messages[0], "<html><head><title>502 Bad Gateway</title></head></html>", *messages[1:]]


@on_messages
def line_ends_spelled_out(messages: list[str]) -> list[str]:
    """The two line feeds between events are written as backslash and n."""
    return [messages[0], rf"{messages[1]}\n\ndata: {messages[2]}", *messages[3:]]


@on_one_message
def raw_line_feeds_in_a_hand_made_error(text: str) -> str:
    return '{"error": {"message": "two\nlines", "code": ' + text[:20]


@rule(
    id="chat/json/parses",
    level=MUST,
    says="Every message is JSON or [DONE].",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse"),
        OBSERVED.at("109 of 109"),
        RFC8259.at("section 2"),
        CLIENTS.at("scenarios 30, 31: openai-python and openai-node raise"),
        issue("mnfst/llm-gateway#2053"),
    ),
    needs=STREAM,
    broken_by=(
        trailing_comma,
        written_by_python,
        cut_in_the_middle,
        plain_text_ping,
        error_page,
        line_ends_spelled_out,
        raw_line_feeds_in_a_hand_made_error,
    ),
)
def parses(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.NOT_JSON), "JSON or [DONE]", _why_not_json)


def _why_not_json(step: Step) -> str:
    text: str = step.event.data  # type: ignore[union-attr]  # only a Message has a flaw
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = "at its end" if error.pos >= len(text) else f"at character {error.pos + 1} of {len(text)}"
        return f"{show(text)} ({error.msg} {place})"
    except (ValueError, RecursionError) as error:
        return f"{show(text)} ({type(error).__name__})"
    return show(text)


@on_messages
def two_in_one_event(messages: list[str]) -> list[str]:
    """One line feed between two `data` lines, where two belong."""
    return [messages[0], f"{messages[1]}\n{messages[2]}", *messages[3:]]


@on_messages
def two_in_one_line(messages: list[str]) -> list[str]:
    return [messages[0], messages[1] + messages[2], *messages[3:]]


@on_messages
def glued_to_done(messages: list[str]) -> list[str]:
    return [*messages[:-2], f"{messages[-2]}\n{DONE}"]


@rule(
    id="chat/json/one-document",
    level=MUST,
    says="A message holds one JSON document.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse"),
        OBSERVED.at("109 of 109"),
        issue("anomalyco/opencode#8282"),
    ),
    needs=STREAM,
    broken_by=(two_in_one_event, two_in_one_line, glued_to_done),
)
def one_document(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.SEVERAL_DOCUMENTS), "one JSON document in the message")


@on_messages
def null_message(messages: list[str]) -> list[str]:
    return ["null", *messages]


@on_one_message
def wrapped_in_a_list(text: str) -> str:
    return f"[{text}]"


@on_one_message
def encoded_twice(text: str) -> str:
    return json.dumps(text)


@on_messages
def true_message(messages: list[str]) -> list[str]:
    return [messages[0], "true", *messages[1:]]


@rule(
    id="chat/json/object",
    level=MUST,
    says="The JSON of a message is an object.",
    source=(OPENAPI.at("CreateChatCompletionStreamResponse"), OBSERVED.at("109 of 109")),
    needs=STREAM,
    broken_by=(null_message, wrapped_in_a_list, encoded_twice, true_message),
)
def object_(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.NOT_AN_OBJECT), "a JSON object")


@on_one_message
def wrapped_without_end(text: str) -> str:
    return _with_member(text, '"extra":' + "[" * 200 + "]" * 200)


@rule(
    id="chat/json/nesting-bounded",
    level=MUST,
    says="JSON nests no deeper than 128 levels.",
    source=(RFC8259.at("section 9: parsers may set a limit"), SUITE.at("128 levels")),
    needs=STREAM,
    broken_by=(wrapped_without_end,),
)
def nesting_bounded(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.TOO_DEEP), "at most 128 levels")


@on_messages
def ping_object(messages: list[str]) -> list[str]:
    return [messages[0], '{"type":"ping"}', *messages[1:]]


@on_messages
def empty_object(messages: list[str]) -> list[str]:
    return [messages[0], "{}", *messages[1:]]


@on_messages
def message_of_another_protocol(messages: list[str]) -> list[str]:
    return [messages[0], '{"model":"mock","message":{"role":"assistant","content":"Hi"},"done":false}', *messages[2:]]


@rule(
    id="chat/json/chunk-or-error",
    level=MUST,
    says="Every object sent is a chunk or an error.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse"),
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 7: openai-python drops frames that are neither without a word"),
    ),
    needs=STREAM,
    broken_by=(ping_object, empty_object, message_of_another_protocol),
)
def chunk_or_error(stream: View) -> Iterator[Finding]:
    if stream.unreadable:
        foreign = [s for s in stream.steps if is_foreign(s) and s.before is not State.DONE]
        yield from stream.first_of(foreign, "a chunk with choices, or an error object")


@on_one_message
def raw_tab(text: str) -> str:
    return _with_member(text, '"obfuscation":"a\tb"')


@on_one_message
def raw_line_feed(text: str) -> str:
    """An encoder of lines turns the line feed into a second `data` line, and a decoder back."""
    return _with_member(text, '"obfuscation":"a\nb"')


@on_one_message
def raw_zero_byte(text: str) -> str:
    return _with_member(text, '"obfuscation":"a\0b"')


@rule(
    id="chat/json/control-characters-escaped",
    level=MUST,
    says="Control characters inside JSON strings are escaped.",
    source=(RFC8259.at("section 7"), CLIENTS.at("expectations: data with a raw control byte is refused")),
    needs=STREAM,
    broken_by=(raw_tab, raw_line_feed, raw_zero_byte),
)
def control_characters_escaped(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.CONTROL_CHARACTER), "U+0000 to U+001F as \\uXXXX, \\n, \\t ...")


@on_one_message
def not_a_number(text: str) -> str:
    return _with_member(text, '"timings":{"predicted_per_second":NaN}')


@on_one_message
def infinite(text: str) -> str:
    return _with_member(text, '"timings":{"predicted_per_second":Infinity}')


@on_one_message
def least_logprob(text: str) -> str:
    """Minus infinity, the logarithm of a probability of zero."""
    return text.replace(
        '"logprobs":null',
        '"logprobs":{"content":[{"token":"a","logprob":-Infinity,"bytes":[97],"top_logprobs":[]}],"refusal":null}',
    )


@rule(
    id="chat/json/numbers-finite",
    level=MUST,
    says="Every number is finite: no NaN and no Infinity.",
    source=(RFC8259.at("section 6"), CLIENTS.at("expectations: NaN is refused; Python's json accepts it")),
    needs=STREAM,
    broken_by=(not_a_number, infinite, least_logprob),
)
def numbers_finite(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.NOT_A_NUMBER), "numbers that JSON can write")


@on_chunks
def pair_split_over_chunks(chunks: list[Chunk]) -> list[Chunk]:
    """UTF-16 code units sent as they come: half an emoji here, half in the next chunk."""
    for at, chunk in enumerate(chunks):
        for choice in chunk["choices"]:
            text = choice["delta"].get("content") or ""
            place = next((i for i, c in enumerate(text) if ord(c) > 0xFFFF), None)
            if place is not None:
                high, low = _halves(text[place])
                after = {**chunk, "choices": [{**choice, "delta": {"content": low + text[place + 1 :]}}]}
                choice["delta"]["content"] = text[:place] + high
                return [*chunks[: at + 1], after, *chunks[at + 1 :]]
    return chunks


@on_one_message
def half_a_pair(text: str) -> str:
    return _with_member(text, r'"obfuscation":"\ud83d"')


def _halves(character: str) -> tuple[str, str]:
    units = character.encode("utf-16-be")
    return chr(int.from_bytes(units[:2], "big")), chr(int.from_bytes(units[2:], "big"))


@rule(
    id="chat/json/surrogates-paired",
    level=SHOULD,
    says="Escaped surrogates come in pairs, inside one string.",
    source=(
        RFC8259.at("section 8.2"),
        CLIENTS.at("scenario 68: Python keeps two halves, JavaScript joins them"),
    ),
    needs=STREAM,
    broken_by=(pair_split_over_chunks, half_a_pair),
)
def surrogates_paired(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(_flawed(stream, Flaw.LONE_SURROGATE), "a whole character")


@on_one_message
def model_twice(text: str) -> str:
    return _with_member(text, '"model":"mock"')


@on_one_message
def content_twice(text: str) -> str:
    return text.replace('"delta":{', '"delta":{"content":"",') if '"content":' in text else text


@on_one_message
def same_key_spelled_otherwise(text: str) -> str:
    return _with_member(text, r'"\u0069d":' + json.dumps(json.loads(text)["id"]))


@rule(
    id="chat/json/keys-unique",
    level=SHOULD,
    says="No object has the same key twice.",
    source=(RFC8259.at("section 4"), CLIENTS.at("expectations: duplicate key, either way")),
    needs=STREAM,
    broken_by=(model_twice, content_twice, same_key_spelled_otherwise),
)
def keys_unique(stream: View) -> Iterator[Finding]:
    doubled = [(s, key) for s in _suspects(stream) if (key := duplicate_key(s.event.data))]  # type: ignore[union-attr]
    if doubled:
        _, key = doubled[0]
        yield from stream.first_of([s for s, _ in doubled], "each key once", lambda _: f"the key {show(key)} twice")


def _suspects(stream: View) -> Iterator[Step]:
    """Messages that may have a key twice.

    A parsed object that is written again has lost the second of two equal keys, and with it two quotation marks;
    every other mark is in both texts. Text that is not JSON, between the messages, can only add to the count.
    """
    body = stream.exchange.body
    rest = iter([s for s in stream.steps if s.chunk is not None])
    while batch := list(islice(rest, BATCH)):
        if _quotes_sent(body, batch) != _quotes_read(batch):
            yield from (s for s in batch if _quotes_sent(body, [s]) != _quotes_read([s]))


def _quotes_sent(body: bytes, steps: Sequence[Step]) -> int:
    start, end = steps[0].event.start, steps[-1].event.end
    return sum(body.count(quote, start, end) for quote in QUOTES)


def _quotes_read(steps: Sequence[Step]) -> int:
    try:
        return msgspec.json.encode([s.chunk for s in steps]).count(b'"')
    except (msgspec.EncodeError, UnicodeEncodeError, ValueError, RecursionError):
        return -1


RULES = (
    parses,
    one_document,
    object_,
    nesting_bounded,
    chunk_or_error,
    control_characters_escaped,
    numbers_finite,
    surrogates_paired,
    keys_unique,
)
