"""Logprobs and the text that they belong to: there when asked for, all of them, in time. Knows nothing of numbers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from conformance.protocols.chat.logprobs import Token, Told, bytes_of, is_special, texts_of
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import REFUSAL
from conformance.rules.chat.document import on_completion
from conformance.rules.chat.extra_needs import LOGPROBS, LOGPROBS_COUNTED, LOGPROBS_NOT_ASKED, LOGPROBS_TWIN
from conformance.rules.chat.text import CONTROL, MISREAD, REPLACED
from conformance.rules.chat.tokens import covers
from conformance.rules.mutate import Chunk, Mutant, on_chunks, spoken, text_of
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OBSERVED, OPENAPI, SUITE, issue

ASKED = OPENAPI.at("CreateChatCompletionRequest.logprobs: the log probabilities of each output token in the content")
UNSOUND = re.compile(f"{REPLACED}|[\ud800-\udfff]|{MISREAD.pattern}|{CONTROL.pattern}")
"""Text of which other rules complain."""
SLACK = 2
"""Tokens per choice that end a turn or begin it, and that some servers count and others tell of."""


def listed(chunk: Chunk) -> list[Token]:
    """The tokens of a chunk's first choice, [] where it tells of none."""
    return ((chunk["choices"][0].get("logprobs") or {}).get("content") if chunk["choices"] else None) or []


def on_tokens(change: Callable[[list[Chunk]], None]) -> Mutant:
    """Lift a change, made in place, of the chunks of choice 0 that tell of tokens."""

    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        if told := [chunk for chunk in spoken(chunks) if listed(chunk)]:
            change(told)
        return chunks

    change_all.__name__, change_all.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_all)


def two_in_one(chunks: list[Chunk]) -> list[Chunk]:
    """Let two tokens of choice 0 come in one chunk, where there are enough of them."""
    told = [chunk for chunk in spoken(chunks) if listed(chunk)]
    if len(told) < 4:
        return chunks
    one, other = (chunk["choices"][0] for chunk in told[2:4])
    one["delta"]["content"] += other["delta"]["content"]
    one["logprobs"]["content"] += other["logprobs"]["content"]
    return [chunk for chunk in chunks if chunk is not told[3]]


def _write(token: Token, text: str) -> None:
    token["token"], token["bytes"] = text, list(text.encode())


def _joined(told: list[Told]) -> bytes:
    return bytes_of(token for part in told for token in part.tokens)


def _text(told: list[Told]) -> bytes:
    return "".join(part.text for part in told).encode("utf-8", "surrogatepass")


def _is_whole(told: list[Told]) -> bool:
    """The tokens make the text, and perhaps what was cut off behind it; a tokenizer may put a space before all."""
    text = _text(told)
    tokens = [token for part in told for token in part.tokens]
    return any(made.startswith(text) or (made[:1] == b" " and made[1:].startswith(text)) for made in _made(tokens))


def _made(tokens: list[Token]) -> tuple[bytes, bytes]:
    return bytes_of(tokens), texts_of(tokens)


def _complete(stream: View) -> Iterator[tuple[int, list[Told]]]:
    """What was told of each choice, where every word of it can be compared with the text."""
    if not stream.completed or REFUSAL.search(stream.exchange.body):
        return
    for index, told in stream.told.items():
        choice = stream.choices.get(index)
        if choice is None or not choice.texts or choice.called or choice.late or index in stream.thoughts:
            continue
        if not UNSOUND.search(choice.text):
            yield index, told


@on_tokens
def left_out(told: list[Chunk]) -> None:
    for chunk in told:
        del chunk["choices"][0]["logprobs"]


@on_tokens
def all_null(told: list[Chunk]) -> None:
    for chunk in told:
        chunk["choices"][0]["logprobs"] = None


@on_tokens
def all_empty(told: list[Chunk]) -> None:
    for chunk in told:
        chunk["choices"][0]["logprobs"] = {"content": [], "refusal": None}


@rule(
    id="chat/logprob-text/sent-when-asked",
    level=MUST,
    says="A stream that asked for logprobs brings them.",
    source=(ASKED, issue("BerriAI/litellm#4898")),
    needs=LOGPROBS,
    broken_by=(left_out, all_null, all_empty),
    ignored="logprobs",
)
def sent_when_asked(stream: View) -> Iterator[Finding]:
    if stream.completed and stream.told and not any(part.tokens for told in stream.told.values() for part in told):
        first = next(part for told in stream.told.values() for part in told)
        yield stream.finding(
            "a list of tokens", "no logprobs with any text", first.step, pointer=f"/choices/{first.position}/logprobs"
        )


def _unasked(chunks: list[Chunk], tokens: Callable[[str], Any]) -> list[Chunk]:
    for chunk in spoken(chunks):
        chunk["choices"][0]["logprobs"] = {"content": tokens(text_of(chunk)), "refusal": None}
    return chunks


@on_chunks
def always_sent(chunks: list[Chunk]) -> list[Chunk]:
    return _unasked(
        chunks, lambda text: [{"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}]
    )


@rule(
    id="chat/logprob-text/only-when-asked",
    level=MUST,
    says="A stream that did not ask for logprobs brings none.",
    source=(OPENAPI.at("CreateChatCompletionRequest.logprobs: default false"), OBSERVED.at("109 of 109")),
    needs=LOGPROBS_NOT_ASKED,
    broken_by=(always_sent,),
)
def only_when_asked(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if body.count(b'"logprobs"') == body.count(b'"logprobs":null') + body.count(b'"logprobs": null'):
        return
    found = [part for told in stream.told.values() for part in told if part.tokens]
    if found:
        more = f" (and in {len(found) - 1} more messages)" if len(found) > 1 else ""
        got = f"{show(found[0].tokens)}{more}"
        yield stream.finding("logprobs null", got, found[0].step, pointer=f"/choices/{found[0].position}/logprobs")


@on_tokens
def lost_once(told: list[Chunk]) -> None:
    told[-1]["choices"][0]["logprobs"] = None


@on_tokens
def on_the_first_only(told: list[Chunk]) -> None:
    for chunk in told[1:]:
        chunk["choices"][0]["logprobs"] = None


@rule(
    id="chat/logprob-text/with-every-text",
    level=MUST,
    says="Every chunk with text carries logprobs, when they were asked for.",
    source=(ASKED, issue("vllm-project/vllm#37795")),
    needs=LOGPROBS,
    broken_by=(lost_once, on_the_first_only),
)
def with_every_text(stream: View) -> Iterator[Finding]:
    for _, told in _complete(stream):
        without = [part for part in told if part.text and not part.tokens]
        if without and len(without) < len(told) and not _is_whole(told):
            part, more = without[0], f" (and in {len(without) - 1} more messages)" if len(without) > 1 else ""
            got = f"none with {show(part.text)}{more}"
            yield stream.finding("a list of tokens", got, part.step, pointer=f"/choices/{part.position}/logprobs")


@on_chunks
def token_missing(chunks: list[Chunk]) -> list[Chunk]:
    """Of two tokens in a chunk one is told of."""
    chunks = two_in_one(chunks)
    for chunk in chunks:
        if len(listed(chunk)) > 1:
            del listed(chunk)[1:]
    return chunks


@on_tokens
def of_other_tokens(told: list[Chunk]) -> None:
    """The tokens of another request, as with a buffer that is shared."""
    for chunk in told:
        _write(listed(chunk)[0], " other")


@on_tokens
def told_twice(told: list[Chunk]) -> None:
    for chunk in told:
        chunk["choices"][0]["logprobs"]["content"] *= 2


@rule(
    id="chat/logprob-text/make-the-text",
    level=SHOULD,
    says="The tokens of the stream put together are its text.",
    source=(
        OPENAPI.at("ChatCompletionTokenLogprob.bytes: to be combined to generate the correct text representation"),
        issue("vllm-project/vllm#31135"),
    ),
    needs=LOGPROBS,
    broken_by=(token_missing, of_other_tokens, told_twice),
)
def make_the_text(stream: View) -> Iterator[Finding]:
    for _, told in _complete(stream):
        if _is_whole(told) or any(part.text and not part.tokens for part in told):
            continue
        made, text = _joined(told), _text(told)
        at = next((i for i, (a, b) in enumerate(zip(made, text, strict=False)) if a != b), min(len(made), len(text)))
        around = slice(max(0, at - 20), at + 40)
        wanted = f"tokens that make {show(text[around])}"
        yield stream.finding(wanted, f"{show(made[around])} from byte {at}", _at(told, at).step)


def _at(told: list[Told], position: int) -> Told:
    """What has this byte of the text."""
    for part in told:
        position -= len(part.text.encode("utf-8", "surrogatepass"))
        if position < 0:
            return part
    return told[-1]


@on_chunks
def one_chunk_late(chunks: list[Chunk]) -> list[Chunk]:
    told = [chunk for chunk in spoken(chunks) if listed(chunk)]
    carried = None
    for chunk in told:
        choice = chunk["choices"][0]
        choice["logprobs"], carried = carried, choice["logprobs"]
    if carried is not None:
        finish = next(c for c in chunks if c["choices"] and c["choices"][0]["finish_reason"])
        finish["choices"][0]["logprobs"] = carried
    return chunks


@on_chunks
def all_at_the_end(chunks: list[Chunk]) -> list[Chunk]:
    told = [chunk for chunk in spoken(chunks) if listed(chunk)]
    if told:
        tokens = [token for chunk in told for token in listed(chunk)]
        for chunk in told:
            chunk["choices"][0]["logprobs"] = None
        told[-1]["choices"][0]["logprobs"] = {"content": tokens, "refusal": None}
    return chunks


@rule(
    id="chat/logprob-text/with-their-text",
    level=SHOULD,
    says="Tokens come with their text, not after it.",
    source=(ASKED, SUITE.at("a client that shows each piece of text with its tokens")),
    needs=LOGPROBS,
    broken_by=(one_chunk_late, all_at_the_end),
)
def with_their_text(stream: View) -> Iterator[Finding]:
    for _, told in _complete(stream):
        tokens = [token for part in told for token in part.tokens]
        if not tokens or not _is_whole(told):
            continue
        measured = bytes_of if bytes_of(tokens).strip().startswith(_text(told).strip()) else texts_of
        behind = 0
        for part in told:
            behind += len(part.text.encode("utf-8", "surrogatepass")) - len(measured(part.tokens))
            if behind > 0:
                pointer = f"/choices/{part.position}/logprobs"
                got = f"{show(part.text)} with {show([token['token'] for token in part.tokens])}"
                yield stream.finding("the tokens of this text", got, part.step, pointer=pointer)
                break


def _on_count(change: Callable[[int], int]) -> Mutant:
    """Lift a change of completion_tokens, where tokens are told of."""

    def change_usage(chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks:
            if chunk.get("usage") and any(map(listed, spoken(chunks))):
                usage = chunk["usage"]
                usage["completion_tokens"] = change(usage["completion_tokens"])
                usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        return chunks

    change_usage.__name__, change_usage.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_usage)


@_on_count
def more_counted(count: int) -> int:
    return count + SLACK + 1


@_on_count
def fewer_counted(count: int) -> int:
    return count - SLACK - 1


@rule(
    id="chat/logprob-text/counted",
    level=SHOULD,
    says="There are as many tokens in logprobs as usage counts.",
    source=(ASKED, SUITE.at(f"give or take {SLACK} in each choice")),
    needs=LOGPROBS_COUNTED,
    broken_by=(more_counted, fewer_counted),
)
def counted(stream: View) -> Iterator[Finding]:
    compared = dict(_complete(stream))
    count = (stream.usage or {}).get("completion_tokens")
    deltas = sum(len(choice.texts) for choice in stream.choices.values())
    if not isinstance(count, int) or len(stream.usages) != 1 or not count or not covers(count, deltas):
        return  # a count that does not even cover the deltas is another rule's business
    if not compared or compared.keys() != stream.choices.keys():
        return
    if all(_is_whole(told) for told in compared.values()):
        tokens = sum(len(part.tokens) for told in compared.values() for part in told)
        if abs(tokens - count) > SLACK * len(compared):
            got = f"completion_tokens {count} for {tokens} tokens in logprobs"
            yield stream.finding(f"about {tokens}", got, stream.usages[-1], pointer="/usage/completion_tokens")


@on_completion
def document_tells_of_none(document: dict[str, Any]) -> None:
    document["choices"][0]["logprobs"] = None


@on_completion
def document_in_other_tokens(document: dict[str, Any]) -> None:
    """The whole reply is one token."""
    choice = document["choices"][0]
    if choice.get("logprobs"):
        first = choice["logprobs"]["content"][0]
        text = choice["message"]["content"]
        choice["logprobs"]["content"] = [{**first, "token": text, "bytes": list(text.encode())}]


@on_tokens
def stream_in_other_tokens(told: list[Chunk]) -> None:
    """Each chunk is one token, whatever it was to the model."""
    if len(told) > 3:
        first, second = told[1]["choices"][0], told[2]["choices"][0]
        text = first["delta"]["content"] + second["delta"]["content"]
        first["delta"]["content"], second["delta"]["content"] = text[:1], text[1:]
        for choice in (first, second):
            piece = choice["delta"]["content"]
            _write(choice["logprobs"]["content"][0], piece)


@rule(
    id="chat/logprob-text/same-not-streamed",
    level=SHOULD,
    says="The stream tells of the same tokens as the same request not streamed.",
    source=(SUITE.at("temperature 0, on a target that declares itself deterministic"),),
    needs=LOGPROBS_TWIN,
    broken_by=(document_tells_of_none, document_in_other_tokens, stream_in_other_tokens),
)
def same_not_streamed(stream: View) -> Iterator[Finding]:
    for index, told in _complete(stream):
        choice = stream.choices[index]
        wanted = _of_document(stream, index)
        got = [token["token"] for part in told for token in part.tokens if not is_special(token)]
        if wanted is None or wanted[0] != choice.text or not _is_whole(told) or wanted[1] == got:
            continue  # another text has other tokens, and wrong tokens are other rules' business
        at = next((i for i, (a, b) in enumerate(zip(got, wanted[1], strict=False)) if a != b), len(wanted[1]))
        shown = f"{show(got[at : at + 3])} from token {at + 1}"
        yield stream.finding(f"{show(wanted[1][at : at + 3])}, as not streamed", shown, told[0].step)


def _of_document(stream: View, index: int) -> tuple[str, list[str]] | None:
    """Text and tokens of a choice that was not streamed; None where they cannot be read."""
    document: Any = stream.exchange.beside.document if stream.exchange.beside else None
    try:
        choice = next(choice for choice in document["choices"] if choice["index"] == index)
        tokens = (choice.get("logprobs") or {}).get("content") or []
        return choice["message"]["content"], [token["token"] for token in tokens if not is_special(token)]
    except (KeyError, TypeError, AttributeError, StopIteration):
        return None


RULES = (
    sent_when_asked,
    only_when_asked,
    with_every_text,
    make_the_text,
    with_their_text,
    counted,
    same_not_streamed,
)
