"""Reasoning as a whole: what usage counts of it, and what the same request says that is not streamed."""

from collections.abc import Callable, Iterator
from typing import Any

from conformance.protocols.chat.reasoning import NAMES
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.document import on_completion
from conformance.rules.chat.extra_needs import THINKING, THINKING_TWIN
from conformance.rules.chat.reasoning import TAGS, is_said, on_thoughts, thinking, without
from conformance.rules.chat.tokens import covers
from conformance.rules.mutate import Chunk, Mutant, on_chunks
from conformance.rules.rule import SHOULD, rule
from conformance.rules.sources import SUITE, issue


def _on_count(change: Callable[[dict[str, Any], int], None]) -> Mutant:
    """Lift a change of the usage of a stream with reasoning, given the number of its pieces."""

    def change_usage(chunks: list[Chunk]) -> list[Chunk]:
        thought = len(thinking(chunks))
        for chunk in chunks:
            if chunk.get("usage") and thought:
                change(chunk["usage"], thought)
        return chunks

    change_usage.__name__, change_usage.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_usage)


@_on_count
def counted_as_none(usage: dict[str, Any], _thought: int) -> None:
    usage["completion_tokens_details"]["reasoning_tokens"] = 0


@_on_count
def details_left_out(usage: dict[str, Any], _thought: int) -> None:
    del usage["completion_tokens_details"]


@rule(
    id="chat/reasoning-sums/counted",
    level=SHOULD,
    says="Usage of a reply with reasoning has reasoning_tokens above 0.",
    source=(
        SUITE.at("CompletionUsage.completion_tokens_details.reasoning_tokens of the OpenAI OpenAPI document"),
        issue("modelscope/ms-swift#9881"),
    ),
    needs=THINKING,
    broken_by=(counted_as_none, details_left_out),
)
def counted(stream: View) -> Iterator[Finding]:
    usage = stream.usage
    if not stream.thoughts or not stream.usage_asked or not usage or not usage.get("completion_tokens"):
        return
    details = usage.get("completion_tokens_details")
    number = details.get("reasoning_tokens") if isinstance(details, dict) else None
    if not number:
        thought = next(iter(stream.thoughts.values()))
        got = f"{show(number)} for {show(thought.text, 60)}"
        pointer = "/usage/completion_tokens_details/reasoning_tokens"
        yield stream.finding("1 at least", got, stream.usages[-1], pointer=pointer)


@_on_count
def outside_the_whole(usage: dict[str, Any], thought: int) -> None:
    """Only what is not reasoning counts as completion."""
    usage["completion_tokens"] -= thought
    usage["total_tokens"] -= thought
    usage["completion_tokens_details"]["reasoning_tokens"] = min(1, usage["completion_tokens"])


@rule(
    id="chat/reasoning-sums/in-the-whole",
    level=SHOULD,
    says="completion_tokens covers the deltas of reasoning too.",
    source=(SUITE.at("CompletionUsage.completion_tokens_details: breakdown of tokens used in a completion"),),
    needs=THINKING,
    broken_by=(outside_the_whole,),
)
def in_the_whole(stream: View) -> Iterator[Finding]:
    usage = stream.usage or {}
    count = usage.get("completion_tokens")
    if not isinstance(count, int) or len(stream.usages) != 1 or count <= 0:
        return
    if any(is_said(thought, stream.choices[index]) for index, thought in stream.thoughts.items()):
        return
    thoughts = sum(len(thought.pieces) for thought in stream.thoughts.values())
    said = sum(len(choice.texts) for choice in stream.choices.values())
    if thoughts and not covers(count, thoughts + said) and covers(count, said):
        got = f"completion_tokens {count} for {thoughts} deltas of reasoning and {said} of text"
        yield stream.finding(f"about {thoughts + said}", got, stream.usages[-1], pointer="/usage/completion_tokens")


@on_thoughts
def first_thought_lost(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    return without(chunks, found[:1])


@on_thoughts
def last_thought_lost(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    """What was held back while the end tag was looked for is not sent."""
    return without(chunks, found[-1:])


@on_completion
def document_without_thoughts(document: dict[str, Any]) -> None:
    document["choices"][0]["message"].pop("reasoning_content", None)


@on_completion
def document_has_them_in_the_text(document: dict[str, Any]) -> None:
    message = document["choices"][0]["message"]
    if thoughts := message.pop("reasoning_content", None):
        message["content"] = f"<think>{thoughts}</think>{message['content']}"


@rule(
    id="chat/reasoning-sums/same-not-streamed",
    level=SHOULD,
    says="Streamed reasoning is that of the same request not streamed.",
    source=(SUITE.at("temperature 0 and a seed, on a target that declares itself deterministic"),),
    needs=THINKING_TWIN,
    broken_by=(first_thought_lost, last_thought_lost, document_without_thoughts, document_has_them_in_the_text),
)
def same_not_streamed(stream: View) -> Iterator[Finding]:
    for index, wanted in _of_document(stream).items():
        choice, thought = stream.choices.get(index), stream.thoughts.get(index)
        got = thought.text if thought else ""
        if (
            not stream.completed
            or choice is None
            or len(choice.finishes) != 1
            or choice.late
            or not choice.text.strip()
        ):
            continue
        if TAGS.search(choice.text + got) or (thought and thought.odd):
            continue  # other rules' business
        if got.strip() != wanted.strip():
            step = thought.pieces[0][0] if thought and thought.pieces else choice.first
            yield stream.finding(f"{show(wanted)}, as not streamed", show(got), step)


def _of_document(stream: View) -> dict[int, str]:
    """The reasoning of each choice that was not streamed, "" where it has none."""
    document: Any = stream.exchange.beside.document if stream.exchange.beside else None
    found: dict[int, str] = {}
    try:
        for choice in document["choices"]:
            values = [choice["message"].get(name) for name in NAMES]
            found[choice["index"]] = next((value for value in values if isinstance(value, str) and value), "")
    except (KeyError, TypeError, AttributeError):
        return {}
    return found


RULES = (counted, in_the_whole, same_not_streamed)
