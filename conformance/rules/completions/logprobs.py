"""The logprobs of a text completion: four arrays side by side, one entry for each token. Knows no usage.

Rules about what the arrays say pass over those that are misshapen; their shape is a rule of its own.
"""

import math
from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.protocols.schema_errors import SchemaError
from conformance.rules.chat.envelope import is_written
from conformance.rules.mutate import Chunk, Mutant
from conformance.rules.rule import SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE

from .mutate import on_chunks, on_each_choice
from .needs import LOGPROBS, LOGPROBS_NOT_ASKED, STREAM
from .of_chat import ALWAYS

MEMBERS = OPENAPI.at("CreateCompletionResponse.choices.logprobs: tokens, token_logprobs, top_logprobs, text_offset")
TOKENS, CHOSEN, TOP, OFFSETS = "tokens", "token_logprobs", "top_logprobs", "text_offset"
PLACE = "/choices/*/logprobs"
PARTS = tuple(f"{PLACE}/{name}{more}" for name in (TOKENS, CHOSEN, TOP, OFFSETS) for more in ("", "/*"))
NEARLY_ZERO = 1e-3
"""Rounding makes a certain token a little more than certain."""
LOST = "\ufffd"
"""Stands for the bytes of a token that is no whole character."""


def _entries(stream: View) -> Iterator[tuple[Step, int, Chunk, dict[str, Any]]]:
    """Logprobs in good shape, with the chunk, the place in it, and the choice that they belong to."""
    for step in stream.of(Kind.DELTA, Kind.FINISH):
        if step.before in (State.FAILED, State.DONE):
            continue  # that anything comes is the mistake
        for position, choice in enumerate((step.chunk or {})["choices"]):
            if isinstance(found := choice.get("logprobs"), dict) and _is_shapely(found):
                yield step, position, choice, found


def _is_shapely(found: dict[str, Any]) -> bool:
    lists = all(isinstance(found.get(name), list) for name in (TOKENS, CHOSEN, OFFSETS))
    return (
        lists
        and isinstance(found.get(TOP), list | None)
        and all(isinstance(token, str) for token in found[TOKENS])
        and all(value is None or type(value) in (int, float) for value in found[CHOSEN])
        and all(type(offset) is int for offset in found[OFFSETS])
    )


def _is_aligned(found: dict[str, Any]) -> bool:
    return len({len(found[name]) for name in (TOKENS, CHOSEN, TOP, OFFSETS) if found[name] is not None}) == 1


def _is_whole(token: str) -> bool:
    """Not a part of a character, for which servers write something else."""
    return LOST not in token and not token.startswith("bytes:")


def _on_logprobs(change: Any) -> Mutant:
    """Lift a change made in place to the logprobs of every choice that has some."""

    def change_all(choice: Chunk) -> None:
        if choice["logprobs"] is not None:
            change(choice["logprobs"])

    change_all.__name__, change_all.__doc__ = change.__name__, change.__doc__
    return on_each_choice(change_all)


@on_each_choice
def as_chat_has_them(choice: Chunk) -> None:
    """As llama.cpp has them in text completions, too."""
    if (found := choice["logprobs"]) is not None:
        pairs = zip(found[TOKENS], found[CHOSEN], strict=True)
        choice["logprobs"] = {"content": [{"token": t, "logprob": p, "top_logprobs": []} for t, p in pairs]}


@_on_logprobs
def offsets_left_out(found: dict[str, Any]) -> None:
    del found[OFFSETS]


@_on_logprobs
def alternatives_in_a_list(found: dict[str, Any]) -> None:
    found[TOP] = [[{"token": token, "logprob": -1.0}] for token in found[TOKENS]]


@_on_logprobs
def ids_for_tokens(found: dict[str, Any]) -> None:
    found[TOKENS] = [len(token) for token in found[TOKENS]]


@rule(
    id="completions/logprobs/shape",
    level=SHOULD,
    says="Logprobs are null or have tokens, token_logprobs, top_logprobs and text_offset.",
    source=(MEMBERS, ALWAYS),
    needs=STREAM,
    broken_by=(as_chat_has_them, offsets_left_out, alternatives_in_a_list, ids_for_tokens),
)
def shape(stream: View) -> Iterator[Finding]:
    places = (PLACE, *PARTS)
    for finding in stream.schema_findings(*places, where=lambda error: is_written(error) and not _is_gone(error)):
        yield finding
        return  # what is in another shape lacks all members of this one


def _is_gone(error: SchemaError) -> bool:
    """There are no logprobs at all, not even null: a rule about choices says so."""
    return error.keyword == "required" and error.place == PLACE


@_on_logprobs
def offset_lost(found: dict[str, Any]) -> None:
    found[OFFSETS] = found[OFFSETS][1:]


@_on_logprobs
def one_logprob_too_many(found: dict[str, Any]) -> None:
    found[CHOSEN] = [*found[CHOSEN], -0.5]


@rule(
    id="completions/logprobs/aligned",
    level=SHOULD,
    says="The arrays of logprobs have one entry for each token.",
    source=(MEMBERS,),
    needs=LOGPROBS,
    broken_by=(offset_lost, one_logprob_too_many),
)
def aligned(stream: View) -> Iterator[Finding]:
    for step, position, _, found in _entries(stream):
        if not _is_aligned(found):
            counted = ", ".join(f"{len(found[n])} {n}" for n in (TOKENS, CHOSEN, TOP, OFFSETS) if found[n] is not None)
            yield stream.finding("arrays of one length", counted, step, pointer=f"/choices/{position}/logprobs")
            return


@on_each_choice
def not_sent(choice: Chunk) -> None:
    choice["logprobs"] = None


@on_chunks
def sent_at_first_only(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks[1:]:
        for choice in chunk["choices"]:
            choice["logprobs"] = None
    return chunks


@rule(
    id="completions/logprobs/sent-when-asked",
    level=SHOULD,
    says="Every text comes with its logprobs where they were asked for.",
    source=(OPENAPI.at("CreateCompletionRequest.logprobs: include the log probabilities"),),
    needs=LOGPROBS,
    broken_by=(not_sent, sent_at_first_only),
    ignored="logprobs",
)
def sent_when_asked(stream: View) -> Iterator[Finding]:
    bare = [
        step
        for step in stream.of(Kind.DELTA, Kind.FINISH)
        if any(choice.get("text") and not choice.get("logprobs") for choice in (step.chunk or {})["choices"])
    ]
    yield from stream.first_of(bare, "logprobs beside the text")


@on_each_choice
def sent_unasked(choice: Chunk) -> None:
    if choice["text"]:
        choice["logprobs"] = {TOKENS: [choice["text"]], CHOSEN: [-0.5], TOP: [{choice["text"]: -0.5}], OFFSETS: [0]}


@rule(
    id="completions/logprobs/only-when-asked",
    level=SHOULD,
    says="Logprobs are null where they were not asked for.",
    source=(OPENAPI.at("CreateCompletionRequest.logprobs: default null"), ALWAYS),
    needs=LOGPROBS_NOT_ASKED,
    broken_by=(sent_unasked,),
)
def only_when_asked(stream: View) -> Iterator[Finding]:
    found = [step for step, _, _, _ in _entries(stream)]
    yield from stream.first_of(found, "logprobs null")


@_on_logprobs
def tokens_of_another_text(found: dict[str, Any]) -> None:
    found[TOKENS] = ["x" * len(token) for token in found[TOKENS]]


@_on_logprobs
def spaces_lost(found: dict[str, Any]) -> None:
    """Tokens are decoded one by one, and lose the space they begin with."""
    found[TOKENS] = [token.replace(" ", "_") for token in found[TOKENS]]


@rule(
    id="completions/logprobs/tokens-are-the-text",
    level=SHOULD,
    says="The tokens put together are the text that they came with.",
    source=(OPENAPI.at("CreateCompletionResponse.choices.logprobs.tokens"), SUITE.at("characters cut in two apart")),
    needs=LOGPROBS,
    broken_by=(tokens_of_another_text, spaces_lost),
)
def tokens_are_the_text(stream: View) -> Iterator[Finding]:
    for step, position, choice, found in _entries(stream):
        text = choice.get("text")
        if (
            isinstance(text, str)
            and "".join(found[TOKENS]) != text
            and LOST not in text
            and all(map(_is_whole, found[TOKENS]))
        ):
            pointer = f"/choices/{position}/logprobs/tokens"
            yield stream.finding(f"the tokens of {show(text)}", show(found[TOKENS]), step, pointer=pointer)
            return


@_on_logprobs
def offsets_not_known(found: dict[str, Any]) -> None:
    """As SGLang has them."""
    found[OFFSETS] = [-1 for _ in found[OFFSETS]]


@_on_logprobs
def offsets_begin_again(found: dict[str, Any]) -> None:
    """Each chunk is counted by itself."""
    found[OFFSETS] = [offset - found[OFFSETS][0] for offset in found[OFFSETS]]


@_on_logprobs
def offsets_count_bytes(found: dict[str, Any]) -> None:
    found[OFFSETS] = [offset * 2 for offset in found[OFFSETS]]


@rule(
    id="completions/logprobs/offsets-continue",
    level=SHOULD,
    says="Each text_offset is where the token before it ends, over all chunks of a choice.",
    source=(
        OPENAPI.at("CreateCompletionResponse.choices.logprobs.text_offset"),
        SUITE.at("whether the first one counts the prompt or not; characters cut in two apart"),
    ),
    needs=LOGPROBS,
    broken_by=(offsets_not_known, offsets_begin_again, offsets_count_bytes),
)
def offsets_continue(stream: View) -> Iterator[Finding]:
    if stream.unreadable:
        return  # what is lost has a length
    ends: dict[int, int | None] = {}
    for step, position, choice, found in _entries(stream):
        index = choice["index"]
        if not _is_aligned(found):
            ends[index] = None
            continue
        end = ends.get(index)
        for place, (token, offset) in enumerate(zip(found[TOKENS], found[OFFSETS], strict=True)):
            if offset < 0 or (end is not None and offset != end):
                wanted = "the place of the token in the text" if end is None else f"text_offset {end}"
                pointer = f"/choices/{position}/logprobs/text_offset/{place}"
                yield stream.finding(wanted, f"{offset} for {show(token)}", step, pointer=pointer)
                return
            end = offset + len(token) if _is_whole(token) else None
        ends[index] = end if "".join(found[TOKENS]) == choice.get("text") else None


@_on_logprobs
def all_that_there_are(found: dict[str, Any]) -> None:
    found[TOP] = [{**(top or {}), **{f" word{n}": -5.0 - n for n in range(8)}} for top in found[TOP]]


@_on_logprobs
def no_alternatives(found: dict[str, Any]) -> None:
    found[TOP] = [{} for _ in found[TOP]]


@_on_logprobs
def alternatives_null(found: dict[str, Any]) -> None:
    found[TOP] = None


@rule(
    id="completions/logprobs/as-many-as-asked",
    level=SHOULD,
    says="With logprobs k each token comes with 1 to k + 1 alternatives, itself counted.",
    source=(OPENAPI.at("CreateCompletionRequest.logprobs: up to logprobs+1 elements in the response"),),
    needs=LOGPROBS,
    broken_by=(all_that_there_are, no_alternatives, alternatives_null),
)
def as_many_as_asked(stream: View) -> Iterator[Finding]:
    asked = stream.exchange.member("logprobs")
    for step, position, _, found in _entries(stream):
        tops = found[TOP] if found[TOP] is not None else [{} for _ in found[TOKENS]]
        for place, (top, chosen) in enumerate(zip(tops, found[CHOSEN], strict=False)):
            first_of_a_prompt = chosen is None and top is None
            if not first_of_a_prompt and not 1 <= len(top or {}) <= asked + 1:
                pointer = f"/choices/{position}/logprobs/top_logprobs/{place}"
                yield stream.finding(f"1 to {asked + 1} alternatives", f"{len(top or {})}", step, pointer=pointer)
                return


@_on_logprobs
def probabilities(found: dict[str, Any]) -> None:
    """The logarithm was forgotten."""
    found[CHOSEN] = [None if value is None else math.exp(value) for value in found[CHOSEN]]


@rule(
    id="completions/logprobs/not-positive",
    level=SHOULD,
    says="A logprob is the logarithm of a probability, 0 or less.",
    source=(OPENAPI.at("CreateCompletionResponse.choices.logprobs.token_logprobs"), SUITE.at("give or take 0.001")),
    needs=LOGPROBS,
    broken_by=(probabilities,),
)
def not_positive(stream: View) -> Iterator[Finding]:
    for step, position, _, found in _entries(stream):
        for place, value in enumerate(found[CHOSEN]):
            if value is not None and value > NEARLY_ZERO:
                pointer = f"/choices/{position}/logprobs/token_logprobs/{place}"
                yield stream.finding("0 or less", value, step, pointer=pointer)
                return


RULES = (
    shape,
    aligned,
    sent_when_asked,
    only_when_asked,
    tokens_are_the_text,
    offsets_continue,
    as_many_as_asked,
    not_positive,
)
