"""Text that is held back while a stop sequence may be coming: let go when it does not come, kept when it does."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import pointer_to
from conformance.rules.chat.extra_needs import STOP_ACROSS, STOP_TWIN
from conformance.rules.mutate import Chunk, on_chunks, say, spoken, text_of
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

CONFIGURATION = OPENAPI.at("StopConfiguration: up to 4 sequences where the API will stop generating further tokens")
TELLING = 2
"""Characters at the least of a beginning that no text has by chance."""


@on_chunks
def held_back_for_ever(chunks: list[Chunk]) -> list[Chunk]:
    """What looked like the beginning of a stop sequence is forgotten when it goes on otherwise."""
    for chunk in spoken(chunks):
        if text_of(chunk) == " 5,":
            chunk["choices"][0]["delta"]["content"] = " "
    return chunks


@on_chunks
def end_held_back_for_ever(chunks: list[Chunk]) -> list[Chunk]:
    """The text ends while a stop sequence may be coming, and nobody lets go of it."""
    for chunk in spoken(chunks):
        if text_of(chunk) == " 10.":
            chunk["choices"][0]["delta"]["content"] = " "
    return chunks


@rule(
    id="chat/stopping/held-back-text-sent",
    level=MUST,
    says="Text held back for a stop sequence is sent when the sequence does not come.",
    source=(CONFIGURATION, issue("ggml-org/llama.cpp#9867"), SUITE.at("compared with the same request not streamed")),
    needs=STOP_TWIN,
    broken_by=(held_back_for_ever, end_held_back_for_ever),
)
def held_back_text_sent(stream: View) -> Iterator[Finding]:
    if not stream.completed:
        return
    for index, wanted in _not_streamed(stream).items():
        choice = stream.choices.get(index)
        if choice is None or not choice.finishes:
            continue
        if (found := _lost(choice.text, wanted, stream.stops)) is not None:
            at, lost = found
            around = wanted[max(0, at - 20) : at + len(lost) + 20]
            step = choice.step_at(max(0, at - 1)) if choice.texts else choice.first
            got = f"{show(choice.text[max(0, at - 20) : at + 20])} without {show(lost)}"
            yield stream.finding(f"{show(around)}, as not streamed", got, step)


def _lost(text: str, wanted: str, stops: list[str]) -> tuple[int, str] | None:
    """Where the beginning of a stop sequence is missing from a text, and which."""
    parting = next(
        (i for i, (a, b) in enumerate(zip(text, wanted, strict=False)) if a != b), min(len(text), len(wanted))
    )
    for stop in stops:
        for length in range(len(stop) - 1, 0, -1):
            begin = stop[:length]
            for at in range(max(0, parting - length), parting + 1):
                rest = wanted[at + len(begin) :]
                if wanted.startswith(begin, at) and text[:at] == wanted[:at] and text[at : at + 8] == rest[:8] != "":
                    return at, begin
                if wanted.startswith(begin, at) and not rest.strip() and text == wanted[:at]:
                    return at, begin
    return None


def _not_streamed(stream: View) -> dict[int, str]:
    """The text of each choice that was not streamed."""
    document: Any = stream.exchange.beside.document if stream.exchange.beside else None
    found: dict[int, str] = {}
    try:
        for choice in document["choices"]:
            if isinstance(choice["message"]["content"], str):
                found[choice["index"]] = choice["message"]["content"]
    except (KeyError, TypeError, AttributeError):
        return {}
    return found


@on_chunks
def beginning_sent_already(chunks: list[Chunk]) -> list[Chunk]:
    """Tokens go out as they come; what is cut off is the token that completes the sequence."""
    text = "".join(map(text_of, spoken(chunks)))
    return say(chunks, "4,", " ") if text.endswith(("3, ", "3,")) else chunks


@rule(
    id="chat/stopping/no-beginning-leaks",
    level=SHOULD,
    says="A text that a stop sequence ended does not end with the beginning of that sequence.",
    source=(
        OPENAPI.at("StopConfiguration: the returned text will not contain the stop sequence"),
        issue("smg-project/smg#2203"),
        issue("SharpAI/SwiftLM#132"),
    ),
    needs=STOP_ACROSS,
    broken_by=(beginning_sent_already,),
)
def no_beginning_leaks(stream: View) -> Iterator[Finding]:
    if not stream.completed or stream.exchange.member("include_stop_str_in_output"):
        return
    for choice in stream.choices.values():
        for stop in stream.stops:
            for length in range(len(stop) - 1, TELLING - 1, -1):
                begin = stop[:length]
                if choice.finish == "stop" and choice.text.endswith(begin) and len(begin.strip()) >= TELLING:
                    step = choice.texts[-1][0]
                    wanted = f"the text up to {show(stop)}"
                    pointer = pointer_to(step, choice.index)
                    yield stream.finding(wanted, show(choice.text[-60:]), step, pointer=pointer)
                    return


RULES = (held_back_text_sent, no_beginning_leaks)
