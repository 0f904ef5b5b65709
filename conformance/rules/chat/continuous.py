"""Usage so far on every chunk, as vLLM and SGLang give it to those who ask. Knows nothing of other streams."""

from collections.abc import Callable, Iterator

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.extra_needs import CONTINUOUS
from conformance.rules.chat.tokens import is_count
from conformance.rules.mutate import Chunk, Mutant, on_chunks
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

EXTENSION = SUITE.at("continuous_usage_stats of vLLM and SGLang")


def on_running(change: Callable[[list[Chunk]], None]) -> Mutant:
    """Lift a change, made in place, of the chunks with choices and usage."""

    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        change([chunk for chunk in chunks if chunk["choices"] and chunk.get("usage")])
        return chunks

    change_all.__name__, change_all.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_all)


def _set(chunk: Chunk, completion: int) -> None:
    usage = chunk["usage"]
    usage.update(completion_tokens=completion, total_tokens=usage["prompt_tokens"] + completion)


def _running(stream: View) -> list[Step]:
    """Chunks of choices that carry usage."""
    return [step for step in stream.usages if step.kind is not Kind.USAGE and step.before is not State.DONE]


def _tells(step: Step) -> bool:
    """A chunk in its place that says something of a choice."""
    choices = (step.chunk or {})["choices"]
    says = any(choice.get("finish_reason") or any(choice["delta"].values()) for choice in choices)
    return says and step.before in (State.START, State.OPEN)


def _count(step: Step, name: str) -> int:
    value = (step.chunk or {})["usage"].get(name)
    return value if is_count(value) else 0


@on_running
def on_none(running: list[Chunk]) -> None:
    """The option is not known, and nobody says so."""
    for chunk in running:
        chunk["usage"] = None


@on_running
def left_out_once(running: list[Chunk]) -> None:
    for chunk in running[2:3]:
        chunk["usage"] = None


@on_running
def not_with_the_text(running: list[Chunk]) -> None:
    """It is on the chunks with the role and with the finish_reason only."""
    for chunk in running[1:-1]:
        chunk["usage"] = None


@rule(
    id="chat/continuous/on-every-chunk",
    level=SHOULD,
    says="With continuous_usage_stats every chunk carries usage.",
    source=(EXTENSION,),
    needs=CONTINUOUS,
    broken_by=(on_none, left_out_once, not_with_the_text),
    ignored="continuous_usage_stats",
)
def on_every_chunk(stream: View) -> Iterator[Finding]:
    without = [s for s in stream.of(Kind.DELTA, Kind.FINISH) if _tells(s) and not (s.chunk or {}).get("usage")]
    if without:
        got = f"none (and in {len(without) - 1} more messages)" if len(without) > 1 else "none"
        yield stream.finding("the usage so far", got, without[0], pointer="/usage")


@on_running
def of_each_delta(running: list[Chunk]) -> None:
    """What is new is counted, not what there is."""
    for chunk in running[1:]:
        _set(chunk, 1 if chunk["choices"][0]["delta"] else 0)


@on_running
def falls_back_once(running: list[Chunk]) -> None:
    if len(running) > 4:
        _set(running[4], 0)


@rule(
    id="chat/continuous/never-falls",
    level=SHOULD,
    says="The count of completion tokens never falls from chunk to chunk.",
    source=(EXTENSION, issue("vllm-project/vllm#9028"), issue("cline/cline#9842")),
    needs=CONTINUOUS,
    broken_by=(of_each_delta, falls_back_once),
)
def never_falls(stream: View) -> Iterator[Finding]:
    """Per choice: with several of them some servers count each by itself."""
    before: dict[int, int] = {}
    for step in _running(stream):
        index = (step.chunk or {})["choices"][0]["index"]
        count = _count(step, "completion_tokens")
        if count < before.get(index, 0):
            got = f"{count} after {before[index]}"
            yield stream.finding(f"{before[index]} at least", got, step, pointer="/usage/completion_tokens")
            return
        before[index] = count


@on_running
def prompt_counted_as_it_is_read(running: list[Chunk]) -> None:
    """As with a prompt that is read in pieces: the first chunks know of a part of it."""
    for chunk in running[:2]:
        chunk["usage"]["prompt_tokens"] = 1
        _set(chunk, chunk["usage"]["completion_tokens"])


@rule(
    id="chat/continuous/same-prompt",
    level=SHOULD,
    says="The count of prompt tokens is the same on every chunk.",
    source=(EXTENSION, issue("vllm-project/vllm#9028")),
    needs=CONTINUOUS,
    broken_by=(prompt_counted_as_it_is_read,),
)
def same_prompt(stream: View) -> Iterator[Finding]:
    first = stream.usages[0] if stream.usages else None
    for step in stream.usages[1:]:
        if first and _count(step, "prompt_tokens") != _count(first, "prompt_tokens"):
            got = f"{_count(step, 'prompt_tokens')} after {_count(first, 'prompt_tokens')}"
            yield stream.finding("the same", got, step, pointer="/usage/prompt_tokens")
            return


@on_chunks
def total_left_out(chunks: list[Chunk]) -> list[Chunk]:
    """The last chunk with a choice has the count, and it is not said again."""
    counting = any(chunk["choices"] and chunk.get("usage") for chunk in chunks)
    return [chunk for chunk in chunks if chunk["choices"]] if counting else chunks


@rule(
    id="chat/continuous/total-follows",
    level=MUST,
    says="Usage so far does not take the place of the last chunk, which has usage and no choices.",
    source=(OPENAPI.at("ChatCompletionStreamOptions.include_usage: an additional chunk will be streamed"), EXTENSION),
    needs=CONTINUOUS,
    broken_by=(total_left_out,),
)
def total_follows(stream: View) -> Iterator[Finding]:
    finished = stream.completed and stream.choices and all(c.finishes for c in stream.choices.values())
    if finished and not stream.of(Kind.USAGE):
        yield stream.finding("a chunk with usage and choices []", "no such chunk", stream.last)


@on_chunks
def total_of_the_last_delta(chunks: list[Chunk]) -> list[Chunk]:
    if any(chunk["choices"] and chunk.get("usage") for chunk in chunks):
        _set(chunks[-1], chunks[-1]["usage"]["completion_tokens"] - 3)
    return chunks


@rule(
    id="chat/continuous/total-covers",
    level=SHOULD,
    says="The usage in the end is no less than the usage so far.",
    source=(EXTENSION, issue("vllm-project/vllm#9357")),
    needs=CONTINUOUS,
    broken_by=(total_of_the_last_delta,),
)
def total_covers(stream: View) -> Iterator[Finding]:
    most = max((_count(step, "completion_tokens") for step in _running(stream)), default=0)
    for step in stream.of(Kind.USAGE)[:1]:
        total = _count(step, "completion_tokens")
        if total < most:
            got = f"{total} after {show(most)}"
            yield stream.finding(f"{most} at least", got, step, pointer="/usage/completion_tokens")


RULES = (
    on_every_chunk,
    never_falls,
    same_prompt,
    total_follows,
    total_covers,
)
