"""The numbers in usage: they add up, and fit each other and the text. Knows nothing of where usage comes."""

from collections.abc import Callable, Iterator
from typing import Any

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import Chunk, Mutant, on_chunks
from conformance.rules.need import counts_on
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OBSERVED, OPENAPI, issue

TWIN_USAGE = "chat/twin/same-usage"
"""Wrong numbers also differ from those of the answer that was not streamed."""
PROMPT, COMPLETION, TOTAL = "prompt_tokens", "completion_tokens", "total_tokens"


def _on_usage(change: Callable[[dict[str, Any]], None]) -> Mutant:
    """Lift a change of the usage object of a stream, made in place."""

    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks:
            if chunk.get("usage"):
                change(chunk["usage"])
        return chunks

    change_all.__name__, change_all.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_all)


def is_count(value: object) -> bool:
    """A number that can be a count; what cannot is another rule's business."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def covers(count: int, deltas: int) -> bool:
    """A delta is a token or more, give or take a few: DeepSeek has been seen to count 698 for 699 deltas."""
    return deltas <= 1.5 * count + 1 if count else not deltas


def _number(usage: dict[str, Any], *names: str) -> int:
    """A count, 0 where it is missing or none."""
    value: object = usage
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int) and is_count(value) else 0


def _last(stream: View) -> tuple[Step, dict[str, Any]] | None:
    """The usage that clients keep, with its chunk; zeros are placeholders and count as none, as do malformed counts."""
    if any(error.pointer[:1] == ("usage",) for error in stream.schema_errors):
        return None
    step = next((s for s in reversed(stream.usages) if s.before is not State.DONE), None)
    usage = step.chunk["usage"] if step and step.chunk else {}
    return (step, usage) if step and any(usage.values()) else None


@_on_usage
def total_without_the_prompt(usage: dict[str, Any]) -> None:
    usage[TOTAL] = usage[COMPLETION]


@_on_usage
def total_one_short(usage: dict[str, Any]) -> None:
    usage[TOTAL] -= 1


@rule(
    id="chat/tokens/add-up",
    level=MUST,
    says="total_tokens is prompt_tokens and completion_tokens together.",
    source=(
        OPENAPI.at("CompletionUsage.total_tokens: prompt + completion"),
        OBSERVED.at("44 of 44"),
        issue("vllm-project/vllm#9028"),
    ),
    needs=STREAM,
    broken_by=(total_without_the_prompt, total_one_short),
)
def add_up(stream: View) -> Iterator[Finding]:
    for step in stream.usages:
        usage = step.chunk["usage"] if step.chunk else {}
        if not all(type(usage.get(name)) is int and usage[name] >= 0 for name in (PROMPT, COMPLETION, TOTAL)):
            continue  # wrong counts are another rule's business
        prompt, completion, total = usage[PROMPT], usage[COMPLETION], usage[TOTAL]
        if prompt + completion != total:
            got = f"total_tokens {total} for {prompt} + {completion}"
            yield stream.finding(f"total_tokens {prompt + completion}", got, step, pointer="/usage/total_tokens")
            return


@_on_usage
def prompt_not_counted(usage: dict[str, Any]) -> None:
    usage.update({PROMPT: 0, TOTAL: usage[COMPLETION]})


@rule(
    id="chat/tokens/prompt-counted",
    level=SHOULD,
    says="prompt_tokens is 1 at least.",
    source=(OPENAPI.at("CompletionUsage.prompt_tokens"), OBSERVED.at("44 of 44")),
    needs=STREAM,
    broken_by=(prompt_not_counted,),
    also_breaks=(TWIN_USAGE,),
)
def prompt_counted(stream: View) -> Iterator[Finding]:
    if (last := _last(stream)) and is_count(last[1].get(PROMPT)) and not last[1][PROMPT]:
        yield stream.finding(
            "1 at least", f"prompt_tokens 0 in {show(last[1])}", last[0], pointer="/usage/prompt_tokens"
        )


def _count(usage: dict[str, Any], completion: int) -> None:
    usage.update({COMPLETION: completion, TOTAL: usage[PROMPT] + completion})
    if details := usage.get("completion_tokens_details"):
        details["reasoning_tokens"] = min(details["reasoning_tokens"], completion)


@_on_usage
def reply_not_counted(usage: dict[str, Any]) -> None:
    _count(usage, 0)


@_on_usage
def reply_counted_as_one(usage: dict[str, Any]) -> None:
    _count(usage, 1)


@on_chunks
def one_choice_counted(chunks: list[Chunk]) -> list[Chunk]:
    """Of several choices the first alone is counted."""
    choices = {choice["index"] for chunk in chunks for choice in chunk["choices"]}
    for usage in [chunk["usage"] for chunk in chunks if chunk.get("usage")] if len(choices) > 1 else []:
        usage[COMPLETION] //= len(choices)
        usage[TOTAL] = usage[PROMPT] + usage[COMPLETION]
    return chunks


@rule(
    id="chat/tokens/reply-counted",
    level=SHOULD,
    says="completion_tokens covers the deltas of all choices.",
    source=(
        OPENAPI.at("include_usage: the token usage statistics for the entire request"),
        OBSERVED.at("44 of 44"),
        issue("vllm-project/vllm#9357"),
    ),
    needs=STREAM,
    broken_by=(reply_not_counted, reply_counted_as_one, one_choice_counted),
    also_breaks=(TWIN_USAGE,),
)
def reply_counted(stream: View) -> Iterator[Finding]:
    last = _last(stream)
    several = len(stream.usages) > 1 and not counts_on(stream.exchange)
    if last is None or several or not is_count(last[1].get(COMPLETION)):
        return  # several usage objects are a mistake of their own, and each may count a part
    counted = last[1][COMPLETION]
    deltas = sum(len(choice.texts) for choice in stream.choices.values())
    deltas += sum(len(call.pieces) for call in stream.calls)
    if not covers(counted, deltas):
        wanted = f"about {deltas} tokens" if deltas > 1 else "a token"
        yield stream.finding(
            wanted, f"{COMPLETION} {counted} for {deltas} deltas", last[0], pointer="/usage/completion_tokens"
        )


@_on_usage
def more_cached_than_sent(usage: dict[str, Any]) -> None:
    usage["prompt_tokens_details"]["cached_tokens"] = usage[PROMPT] + 1


@rule(
    id="chat/tokens/cached-within-prompt",
    level=SHOULD,
    says="cached_tokens is no more than prompt_tokens.",
    source=(OPENAPI.at("prompt_tokens_details.cached_tokens: cached tokens present in the prompt"),),
    needs=STREAM,
    broken_by=(more_cached_than_sent,),
)
def cached_within_prompt(stream: View) -> Iterator[Finding]:
    yield from _part(stream, PROMPT, "prompt_tokens_details", "cached_tokens")


@_on_usage
def reasoning_beside_the_reply(usage: dict[str, Any]) -> None:
    """Reasoning is counted, but not as part of the completion."""
    usage["completion_tokens_details"]["reasoning_tokens"] = usage[COMPLETION] + 1


@rule(
    id="chat/tokens/reasoning-within-completion",
    level=SHOULD,
    says="reasoning_tokens is no more than completion_tokens.",
    source=(OPENAPI.at("completion_tokens_details: breakdown of tokens used in a completion"), OBSERVED.at("44 of 44")),
    needs=STREAM,
    broken_by=(reasoning_beside_the_reply,),
)
def reasoning_within_completion(stream: View) -> Iterator[Finding]:
    yield from _part(stream, COMPLETION, "completion_tokens_details", "reasoning_tokens")


def _part(stream: View, whole: str, details: str, part: str) -> Iterator[Finding]:
    if (last := _last(stream)) is None:
        return
    step, usage = last
    if _number(usage, details, part) > _number(usage, whole):
        got = f"{part} {_number(usage, details, part)}"
        pointer = f"/usage/{details}/{part}"
        yield stream.finding(f"{whole} {_number(usage, whole)} at most", got, step, pointer=pointer)


RULES = (
    add_up,
    prompt_counted,
    reply_counted,
    cached_within_prompt,
    reasoning_within_completion,
)
