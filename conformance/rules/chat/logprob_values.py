"""The numbers in logprobs, and the alternatives of each token. Knows nothing of the text that they belong to."""

import math
from collections.abc import Iterator
from copy import deepcopy

from conformance.protocols.chat.logprobs import Token, Told
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.extra_needs import (
    ALTERNATIVES,
    LIKELIEST,
    LOGPROBS,
    NO_ALTERNATIVES,
    TOP_LOGPROBS_ALONE,
    alternatives_asked,
)
from conformance.rules.chat.logprob_text import listed, on_tokens, two_in_one
from conformance.rules.chat.refusals import server_error
from conformance.rules.mutate import Chunk, on_chunks
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

TOP = OPENAPI.at("CreateChatCompletionRequest.top_logprobs")
ROUNDING = 1e-4
"""Above zero and between two writings of a number: what floating point does to a probability of 1."""


def _tokens(stream: View) -> Iterator[tuple[Told, int, Token]]:
    for told in stream.told.values():
        for part in told:
            for place, token in enumerate(part.tokens):
                yield part, place, token


def _pointer(part: Told, place: int, more: str = "") -> str:
    return f"/choices/{part.position}/logprobs/content/{place}{more}"


def _first(stream: View, found: list[tuple[Told, int, Token]], wanted: str, more: str, got: str) -> Iterator[Finding]:
    part, place, _ = found[0]
    others = f" (and of {len(found) - 1} more tokens)" if len(found) > 1 else ""
    yield stream.finding(wanted, f"{got}{others}", part.step, pointer=_pointer(part, place, more))


@on_tokens
def one_more_than_asked(told: list[Chunk]) -> None:
    """The chosen token is put before its alternatives, though it is one of them."""
    for chunk in told:
        for token in listed(chunk):
            if token["top_logprobs"]:
                token["top_logprobs"].append({"token": "?", "logprob": -20.5, "bytes": [63]})


@on_tokens
def twenty_always(told: list[Chunk]) -> None:
    for chunk in told:
        for token in listed(chunk):
            if token["top_logprobs"]:
                more = [{"token": f"{n}", "logprob": -20.5 - n, "bytes": [48 + n % 10]} for n in range(18)]
                token["top_logprobs"] += more


@rule(
    id="chat/logprob-values/no-more-than-asked",
    level=MUST,
    says="A token has no more alternatives than top_logprobs asks for.",
    source=(
        TOP,
        OPENAPI.at("ChatCompletionTokenLogprob.top_logprobs: fewer than the number requested may be returned"),
    ),
    needs=ALTERNATIVES,
    broken_by=(one_more_than_asked, twenty_always),
)
def no_more_than_asked(stream: View) -> Iterator[Finding]:
    asked = alternatives_asked(stream.exchange)
    if found := [entry for entry in _tokens(stream) if len(entry[2]["top_logprobs"]) > asked]:
        got = f"{len(found[0][2]['top_logprobs'])} of {show(found[0][2]['token'])}"
        yield from _first(stream, found, f"{asked} at most", "/top_logprobs", got)


@on_tokens
def alternatives_left_out(told: list[Chunk]) -> None:
    for chunk in told:
        for token in listed(chunk):
            token["top_logprobs"] = []


@rule(
    id="chat/logprob-values/alternatives-when-asked",
    level=SHOULD,
    says="A stream that asked for top_logprobs brings alternatives.",
    source=(TOP,),
    needs=ALTERNATIVES,
    broken_by=(alternatives_left_out,),
    ignored="top_logprobs",
)
def alternatives_when_asked(stream: View) -> Iterator[Finding]:
    entries = list(_tokens(stream))
    if stream.completed and entries and not any(token["top_logprobs"] for _, _, token in entries):
        yield from _first(stream, entries, f"up to {alternatives_asked(stream.exchange)}", "/top_logprobs", "[]")


@on_tokens
def alternatives_not_asked_for(told: list[Chunk]) -> None:
    """A default number of them, as from llama.cpp."""
    for chunk in told:
        for token in listed(chunk):
            if not token["top_logprobs"]:
                own = {name: token[name] for name in ("token", "logprob", "bytes")}
                token["top_logprobs"] = [own, {"token": "?", "logprob": -20.5, "bytes": [63]}]


@rule(
    id="chat/logprob-values/none-unless-asked",
    level=SHOULD,
    says="Without top_logprobs a token has no alternatives.",
    source=(TOP, SUITE.at("twenty alternatives make a stream twenty times as long")),
    needs=NO_ALTERNATIVES,
    broken_by=(alternatives_not_asked_for,),
)
def none_unless_asked(stream: View) -> Iterator[Finding]:
    if found := [entry for entry in _tokens(stream) if entry[2]["top_logprobs"]]:
        got = f"{len(found[0][2]['top_logprobs'])} of {show(found[0][2]['token'])}"
        yield from _first(stream, found, "top_logprobs []", "/top_logprobs", got)


def _scale(told: list[Chunk], own: float, others: float) -> None:
    for chunk in told:
        for token in listed(chunk):
            token["logprob"] *= own
            for alternative in token["top_logprobs"]:
                alternative["logprob"] *= others


@on_tokens
def sign_lost(told: list[Chunk]) -> None:
    _scale(told, -1, -1)


@on_tokens
def probabilities(told: list[Chunk]) -> None:
    """From 0 to 1, before the logarithm is taken."""
    for chunk in told:
        for token in listed(chunk):
            for entry in (token, *token["top_logprobs"]):
                entry["logprob"] = math.exp(entry["logprob"])


@rule(
    id="chat/logprob-values/not-above-zero",
    level=MUST,
    says="A logprob is 0 or less.",
    source=(
        OPENAPI.at("ChatCompletionTokenLogprob.logprob: the log probability of this token, or -9999.0"),
        SUITE.at("a probability is 1 at most"),
    ),
    needs=LOGPROBS,
    broken_by=(sign_lost, probabilities),
)
def not_above_zero(stream: View) -> Iterator[Finding]:
    found = [
        entry
        for entry in _tokens(stream)
        if any(number["logprob"] > ROUNDING for number in (entry[2], *entry[2]["top_logprobs"]))
    ]
    if found:
        token = found[0][2]
        worst = next(n for n in (token, *token["top_logprobs"]) if n["logprob"] > ROUNDING)
        got = f"{show(worst['logprob'])} for {show(worst['token'])}"
        yield from _first(stream, found, "0 or less", "/logprob", got)


@on_tokens
def first_alternatives_for_all(told: list[Chunk]) -> None:
    first = listed(told[0])[0]["top_logprobs"]
    for chunk in told:
        for token in listed(chunk):
            token["top_logprobs"] = deepcopy(first)


@on_chunks
def first_alternatives_within_a_chunk(chunks: list[Chunk]) -> list[Chunk]:
    """Two tokens come in one chunk, and the second has the alternatives of the first."""
    chunks = two_in_one(chunks)
    for chunk in chunks:
        first, *others = listed(chunk) or [{}]
        for token in others:
            token["top_logprobs"] = deepcopy(first["top_logprobs"])
    return chunks


@rule(
    id="chat/logprob-values/alternatives-of-its-own",
    level=SHOULD,
    says="Each token has alternatives of its own.",
    source=(
        TOP,
        issue("sgl-project/sglang#39260"),
        issue("sgl-project/sglang#30188"),
    ),
    needs=ALTERNATIVES,
    broken_by=(first_alternatives_for_all, first_alternatives_within_a_chunk),
    also_breaks=("chat/logprob-values/likeliest-at-temperature-zero",),
)
def alternatives_of_its_own(stream: View) -> Iterator[Finding]:
    """The same numbers to the last digit, for another token: that is no chance."""
    for told in stream.told.values():
        before: Token | None = None
        for part in told:
            for place, token in enumerate(part.tokens):
                same = before is not None and before["top_logprobs"] == token["top_logprobs"] != []
                if before is not None and same and before["token"] != token["token"]:
                    got = f"for {show(token['token'])} the same as for {show(before['token'])}"
                    pointer = _pointer(part, place, "/top_logprobs")
                    yield stream.finding("other alternatives for another token", got, part.step, pointer=pointer)
                    return
                before = token


@on_tokens
def chosen_least_likely(told: list[Chunk]) -> None:
    """The numbers are those of another place in the text."""
    for chunk in told:
        for token in listed(chunk):
            if token["top_logprobs"]:
                token["logprob"] = token["top_logprobs"][0]["logprob"] = -9.5


@rule(
    id="chat/logprob-values/likeliest-at-temperature-zero",
    level=SHOULD,
    says="At temperature 0 no alternative is likelier than the token that was chosen.",
    source=(SUITE.at("temperature 0 chooses the likeliest token"),),
    needs=LIKELIEST,
    broken_by=(chosen_least_likely,),
)
def likeliest_at_temperature_zero(stream: View) -> Iterator[Finding]:
    for part, place, token in _tokens(stream):
        best = max((other["logprob"] for other in token["top_logprobs"]), default=token["logprob"])
        if ROUNDING >= best > token["logprob"] + ROUNDING and token["logprob"] > -9999:
            got = f"{show(token['token'])} at {show(token['logprob'])} beside {show(best)}"
            yield stream.finding("the likeliest", got, part.step, pointer=_pointer(part, place))
            return


@on_tokens
def another_scale_for_alternatives(told: list[Chunk]) -> None:
    """Logarithms to the base 2 among the alternatives."""
    _scale(told, 1, 1 / math.log(2))


@rule(
    id="chat/logprob-values/same-among-alternatives",
    level=SHOULD,
    says="A token among its own alternatives has the same logprob in both places.",
    source=(OPENAPI.at("ChatCompletionTokenLogprob.top_logprobs: the most likely tokens and their log probability"),),
    needs=ALTERNATIVES,
    broken_by=(another_scale_for_alternatives,),
)
def same_among_alternatives(stream: View) -> Iterator[Finding]:
    for part, place, token in _tokens(stream):
        own = [a for a in token["top_logprobs"] if (a["token"], a["bytes"]) == (token["token"], token["bytes"])]
        if own and all(abs(a["logprob"] - token["logprob"]) > ROUNDING for a in own):
            got = f"{show(own[0]['logprob'])} for {show(token['token'])}"
            pointer = _pointer(part, place, "/top_logprobs")
            yield stream.finding(f"{show(token['logprob'])} again", got, part.step, pointer=pointer)
            return


@on_tokens
def code_points_for_bytes(told: list[Chunk]) -> None:
    for chunk in told:
        for token in listed(chunk):
            token["bytes"] = [min(255, ord(character)) for character in token["token"]]


@on_tokens
def space_lost_from_bytes(told: list[Chunk]) -> None:
    for chunk in told:
        for token in listed(chunk):
            token["bytes"] = list(token["token"].strip().encode()) or token["bytes"]


@rule(
    id="chat/logprob-values/bytes-of-the-token",
    level=SHOULD,
    says="The bytes of a token are its text in UTF-8.",
    source=(OPENAPI.at("ChatCompletionTokenLogprob.bytes: the UTF-8 bytes representation of the token"),),
    needs=LOGPROBS,
    broken_by=(code_points_for_bytes, space_lost_from_bytes),
)
def bytes_of_the_token(stream: View) -> Iterator[Finding]:
    for part, place, token in _tokens(stream):
        text, raw = token["token"], token["bytes"]
        if raw is None or not text or "\ufffd" in text or "\\x" in text or "\u2581" in text:
            continue  # part of a character, or written in a tokenizer's own way
        if bytes(raw) != text.encode("utf-8", "surrogatepass"):
            got = f"{show(raw)} for {show(text)}"
            wanted = show(list(text.encode("utf-8", "surrogatepass")))
            yield stream.finding(wanted, got, part.step, pointer=_pointer(part, place, "/bytes"))
            return


@rule(
    id="chat/logprob-values/alone-does-not-break",
    level=MUST,
    says="top_logprobs without logprobs is refused or ignored; it breaks nothing.",
    source=(OPENAPI.at("CreateChatCompletionRequest.top_logprobs: logprobs must be set to true if it is used"),),
    needs=TOP_LOGPROBS_ALONE,
    broken_by=(server_error,),
)
def alone_does_not_break(stream: View) -> Iterator[Finding]:
    if stream.exchange.status == 500 or (stream.exchange.status == 200 and not stream.ended):
        end = "" if stream.ended else ", and the stream breaks off"
        yield stream.finding("status 400, or a stream", f"status {stream.exchange.status}{end}")


RULES = (
    no_more_than_asked,
    alternatives_when_asked,
    none_unless_asked,
    not_above_zero,
    alternatives_of_its_own,
    likeliest_at_temperature_zero,
    same_among_alternatives,
    bytes_of_the_token,
    alone_does_not_break,
)
