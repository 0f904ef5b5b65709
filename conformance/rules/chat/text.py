"""Text as characters: none cut in two, none misread, none that belongs to the model's own markup."""

import re
from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import SAME_TEXT, pointer_to
from conformance.rules.mutate import Chunk, on_chunks, say, text_of
from conformance.rules.need import babbles
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import SUITE, issue

HOT = 1.0
"""Above this temperature models do emit halves of characters, and the server cannot help it."""
REPLACED = "\ufffd"
MISREAD = re.compile(
    "[\u00e0-\u00ef][\u0080-\u00bf]{2}|\u00f0[\u0090-\u00bf][\u0080-\u00bf]{2}"  # read as Latin-1
    "|\u00e2\u20ac|\u00f0\u0178"  # read as Windows-1252: quotes and dashes, emoji
)
"""A character of three or four UTF-8 bytes that was read as that many characters."""
CONTROL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|end|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text"
    r"|eot|user|assistant|system|return|call|channel|message|start)\|>"
    "|<\uff5c[^<>]{1,40}\uff5c>"
    r"|<(?:start|end)_of_turn>|<eos>|</s>\s*\Z"
)
"""Control tokens of ChatML, Llama, Harmony, DeepSeek, Gemma and Mistral. `</s>` is also HTML: at the end only."""


def _requested(stream: View, text: str) -> bool:
    """Whether the request itself has this text, so that a reply may well repeat it."""
    return text in str(stream.exchange.request.body)


@on_chunks
def character_torn(chunks: list[Chunk]) -> list[Chunk]:
    """Tokens are decoded one by one, and a character lies over two of them."""
    for position, chunk in enumerate(chunks):
        text = text_of(chunk) if chunk["choices"] else ""
        wide = next((c for c in text if ord(c) > 0x7FF), "")
        if wide:
            before, after = text.split(wide, 1)
            choice = chunk["choices"][0]
            halves = (before + REPLACED, REPLACED + after)
            torn = [
                {**chunk, "choices": [{**choice, "delta": {**choice["delta"], "content": half}}]} for half in halves
            ]
            return [*chunks[:position], *torn, *chunks[position + 1 :]]
    return chunks


@on_chunks
def cut_inside_a_character(chunks: list[Chunk]) -> list[Chunk]:
    """The limit of tokens falls inside a character, and its first bytes are flushed."""
    return say(chunks, REPLACED)


@rule(
    id="chat/text/no-half-characters",
    level=MUST,
    says="No delta carries U+FFFD, which stands for a character cut in two.",
    source=(
        SUITE.at("a request at temperature 1 or below that has no U+FFFD itself, and lets the model come to its end"),
        issue("abetlen/llama-cpp-python#372"),
        issue("Blaizzy/mlx-vlm#1076"),
        issue("ggml-org/llama.cpp#28926"),
    ),
    needs=STREAM,
    broken_by=(character_torn, cut_inside_a_character),
    also_breaks=(SAME_TEXT,),
)
def no_half_characters(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if body.isascii() and b"\\" not in body:
        return
    temperature = stream.exchange.member("temperature")
    if babbles(stream.exchange):
        return
    if _requested(stream, REPLACED) or (isinstance(temperature, int | float) and temperature > HOT):
        return
    for choice in stream.choices.values():
        torn = [(step, text) for step, text in choice.texts if REPLACED in text and _is_utf_8(stream, step)]
        if torn:
            step, text = torn[0]
            more = f" (and in {len(torn) - 1} more messages)" if len(torn) > 1 else ""
            yield stream.finding(
                "whole characters", f"{show(text)}{more}", step, pointer=pointer_to(step, choice.index)
            )


def _is_utf_8(stream: View, step: Step) -> bool:
    """Bytes that are no UTF-8 are read as U+FFFD by us; the rule about bytes speaks of those."""
    try:
        stream.exchange.body[step.event.start : step.event.end].decode()
    except UnicodeDecodeError:
        return False
    return True


def _misread(chunks: list[Chunk], charset: str) -> list[Chunk]:
    """Read the UTF-8 bytes of the text in a charset of one byte per character; unassigned bytes stay as they are."""
    for chunk in chunks:
        for choice in chunk["choices"]:
            if any(ord(c) > 0x7FF for c in choice["delta"].get("content") or ""):
                bytes_of = choice["delta"]["content"].encode()
                choice["delta"]["content"] = "".join(bytes([b]).decode(charset, "ignore") or chr(b) for b in bytes_of)
    return chunks


@on_chunks
def read_as_latin_one(chunks: list[Chunk]) -> list[Chunk]:
    return _misread(chunks, "latin-1")


@on_chunks
def read_as_windows(chunks: list[Chunk]) -> list[Chunk]:
    return _misread(chunks, "cp1252")


@rule(
    id="chat/text/utf-8-encoded-once",
    level=SHOULD,
    says="Text is not UTF-8 that was read in another charset and encoded again.",
    source=(SUITE.at("characters of three and four bytes"),),
    needs=STREAM,
    broken_by=(read_as_latin_one, read_as_windows),
)
def utf_8_encoded_once(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        if choice.text.isascii():
            continue
        for step, text in choice.texts:
            found = None if text.isascii() else MISREAD.search(text)
            if found and not _requested(stream, found.group()):
                yield stream.finding("text", f"mojibake: {show(text)}", step, pointer=pointer_to(step, choice.index))
                break


@on_chunks
def chat_template_left_in(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, "<|im_end|>")


@on_chunks
def end_of_turn_in_two_pieces(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, "<|eot", "_id|>", "\n")


@on_chunks
def end_of_sequence_left_in(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, "</s>")


@rule(
    id="chat/text/no-control-tokens",
    level=SHOULD,
    says="Text carries no control token of the model.",
    source=(
        SUITE.at("control tokens of common chat templates, unless the request has them too"),
        issue("EricLBuehler/mistral.rs#79"),
    ),
    needs=STREAM,
    broken_by=(chat_template_left_in, end_of_turn_in_two_pieces, end_of_sequence_left_in),
    also_breaks=(SAME_TEXT,),
)
def no_control_tokens(stream: View) -> Iterator[Finding]:
    if babbles(stream.exchange):
        return
    for choice in stream.choices.values():
        text = choice.text
        found = CONTROL.search(text)
        if found and not _requested(stream, found.group().strip()):
            step = choice.step_at(found.start())
            got = show(text[max(0, found.start() - 40) : found.end() + 20])
            yield stream.finding("text without control tokens", got, step, pointer=pointer_to(step, choice.index))


RULES = (
    no_half_characters,
    utf_8_encoded_once,
    no_control_tokens,
)
