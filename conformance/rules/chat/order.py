"""Which chunk may come where: indices, finish reasons, what follows them, empty chunks. Knows no text and no usage."""

from collections.abc import Iterator
from itertools import islice

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import OTHER_PAYLOAD, View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding
from conformance.rules.mutate import Chunk, on_chunks, on_each_choice, on_messages
from conformance.rules.needs import CHOICES, READ_ALL, STREAM
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, SUITE, issue

CHOICES_COME = (State.START, State.OPEN, State.FINISHED)
"""States in which order is a matter of choices; what follows usage, an error or [DONE] is one of theirs."""
ALWAYS = OBSERVED.at("109 of 109")
PLAIN = frozenset(
    ("id", "object", "created", "model", "choices", "system_fingerprint", "service_tier", "usage", "obfuscation")
)
"""Members that any chunk has; whatever else a chunk without choices carries is the reason why it was sent."""
NAMED = 8  # missing choices, at most
FEW = 0.1  # of the chunks may carry nothing, where there are more than two such


@on_messages
def only_done(messages: list[str]) -> list[str]:
    return messages[-1:]


@on_chunks
def only_metadata(chunks: list[Chunk]) -> list[Chunk]:
    return [{**chunks[0], "choices": [], "prompt_filter_results": []}]


@rule(
    id="chat/order/choice-sent",
    level=MUST,
    says="A stream has a chunk with a choice before it ends, also for an empty text.",
    source=(
        OBSERVED.at("109 of 109"),
        CLIENTS.at("scenario 80: openai-python and openai-node show an empty answer, their helpers raise"),
    ),
    needs=READ_ALL,
    broken_by=(only_done, only_metadata),
)
def choice_sent(stream: View) -> Iterator[Finding]:
    if stream.completed and stream.last and not stream.choices:
        yield stream.finding("a chunk with a choice", f"a {stream.last.kind.value}, then the end", stream.last)


def _deltas(chunk: Chunk) -> Iterator[Chunk]:
    return (choice["delta"] for choice in chunk["choices"])


def _finishes(chunk: Chunk) -> bool:
    return any(choice["finish_reason"] for choice in chunk["choices"])


def _bare(chunk: Chunk, index: int, delta: Chunk) -> Chunk:
    """A chunk like this one, with one open choice."""
    bare = {**chunk, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
    return {**bare, "usage": None} if "usage" in chunk else bare


def _insert_after_finish(chunks: list[Chunk], delta: Chunk) -> list[Chunk]:
    """Put a chunk for each choice after the last finish_reason."""
    last = max((i for i, c in enumerate(chunks) if _finishes(c)), default=len(chunks) - 1)
    extra = [_bare(c, c["choices"][0]["index"], dict(delta)) for c in chunks if _finishes(c)]
    return [*chunks[: last + 1], *extra, *chunks[last + 1 :]]


@on_chunks
def finish_overtakes_the_text(chunks: list[Chunk]) -> list[Chunk]:
    """The finish chunks come before the last piece of text of their choice."""
    finishes = [c for c in chunks if _finishes(c)]
    others = [c for c in chunks if not _finishes(c)]
    last = [max(i for i, c in enumerate(others) if _index(c) == _index(f)) for f in finishes]
    at = min(last, default=0)
    return [*others[:at], *finishes, *others[at:]]


def _index(chunk: Chunk) -> int:
    return int(chunk["choices"][0]["index"]) if chunk["choices"] else -1


@on_chunks
def role_after_finish(chunks: list[Chunk]) -> list[Chunk]:
    return _insert_after_finish(chunks, {"role": "assistant"})


@on_chunks
def reasoning_after_finish(chunks: list[Chunk]) -> list[Chunk]:
    return _insert_after_finish(chunks, {"reasoning_content": "Hm."})


@rule(
    id="chat/order/nothing-after-finish",
    level=MUST,
    says="No role, content or call follows the finish_reason of a choice.",
    source=(
        ALWAYS,
        CLIENTS.at("scenario 12: every client appends it to a text that was said to be complete"),
    ),
    needs=STREAM,
    broken_by=(finish_overtakes_the_text, role_after_finish, reasoning_after_finish),
)
def nothing_after_finish(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        finishes = {step.number for step, _ in choice.finishes}
        late = [s for s in choice.late if s.before in CHOICES_COME and s.number not in finishes and not _counts(s)]
        if late:
            finish, reason = choice.finishes[0]
            wanted = f"nothing more for choice {choice.index}: finish_reason {reason} was message {finish.number}"
            yield from stream.first_of(late, wanted)


def _counts(step: Step) -> bool:
    """A chunk that brings usage and no text; that its choices are not empty is a matter of `usage`."""
    chunk = step.chunk or {}
    said = [_said(choice) for choice in chunk["choices"]]
    return bool(chunk.get("usage")) and not any(d.get(name) for d in said for name in ("content", *OTHER_PAYLOAD))


def _said(choice: Chunk) -> Chunk:
    """The delta of a choice; a text completion has its text in the choice itself."""
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else {"content": choice.get("text")}


@on_chunks
def empty_chunk_after_finish(chunks: list[Chunk]) -> list[Chunk]:
    return _insert_after_finish(chunks, {})


@on_chunks
def empty_content_after_finish(chunks: list[Chunk]) -> list[Chunk]:
    return _insert_after_finish(chunks, {"content": ""})


@rule(
    id="chat/order/no-empty-chunk-after-finish",
    level=SHOULD,
    says="No chunk with choices follows the last finish_reason, not even an empty one.",
    source=(ALWAYS, OPENAPI.at("ChatCompletionStreamOptions.include_usage: choices is an empty array")),
    needs=STREAM,
    broken_by=(empty_chunk_after_finish, empty_content_after_finish),
)
def no_empty_chunk_after_finish(stream: View) -> Iterator[Finding]:
    suspects = [s for s in stream.illegal if s.before is State.FINISHED and s.kind is Kind.DELTA]
    if suspects and not stream.misnumbered:
        late = {s.number for choice in stream.choices.values() for s in choice.late}
        empty = [s for s in suspects if s.number not in late and not (s.chunk or {}).get("usage")]
        yield from stream.first_of(empty, "usage or [DONE]")


@on_chunks
def finish_sent_twice(chunks: list[Chunk]) -> list[Chunk]:
    last = max((i for i, c in enumerate(chunks) if _finishes(c)), default=len(chunks) - 1)
    return [*chunks[: last + 1], *chunks[last : last + 1], *chunks[last + 1 :]]


@on_chunks
def finish_on_every_chunk(chunks: list[Chunk]) -> list[Chunk]:
    reasons = {c["index"]: c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"]}
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["finish_reason"] = reasons[choice["index"]]
    return chunks


@rule(
    id="chat/order/finish-once",
    level=MUST,
    says="A choice has one finish_reason.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices.finish_reason"),
        ALWAYS,
        issue("sgl-project/sglang#8417"),
    ),
    needs=STREAM,
    broken_by=(finish_sent_twice, finish_on_every_chunk),
)
def finish_once(stream: View) -> Iterator[Finding]:
    if any(not choice.finishes for choice in stream.choices.values()):
        return
    for choice in stream.choices.values():
        again = [step for step, _ in choice.finishes[1:] if step.before in CHOICES_COME]
        first = choice.finishes[0]
        wanted = f"one finish_reason for choice {choice.index}, that of message {first[0].number}"
        yield from stream.first_of(again, wanted)


@on_each_choice
def finish_always_of_index_zero(choice: Chunk) -> None:
    if choice["finish_reason"]:
        choice["index"] = 0


@rule(
    id="chat/order/finish-of-its-own",
    level=MUST,
    says="A finish_reason bears the index of the choice that finishes.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices.index"),
        issue("ggml-org/llama.cpp#20226"),
    ),
    needs=CHOICES,
    broken_by=(finish_always_of_index_zero,),
)
def finish_of_its_own(stream: View) -> Iterator[Finding]:
    choices = stream.choices.values()
    waiting = [str(choice.index) for choice in choices if not choice.finishes]
    surplus = [step for choice in choices for step, _ in choice.finishes[1:]]
    if waiting and stream.ended and not stream.unreadable:
        yield from stream.first_of(surplus, f"the finish_reason of choice {' or '.join(waiting)}")


@on_chunks
def counts_tokens(chunks: list[Chunk]) -> list[Chunk]:
    for number, chunk in enumerate(chunks):
        for choice in chunk["choices"]:
            choice["index"] = number
    return chunks


@on_each_choice
def counts_from_one(choice: Chunk) -> None:
    choice["index"] += 1


@rule(
    id="chat/order/index-in-range",
    level=MUST,
    says="An index is the number of a choice, from 0 to n - 1.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices.index"),
        ALWAYS,
        CLIENTS.at("scenario 88"),
        issue("huggingface/text-generation-inference#1648"),
        issue("microsoft/foundry-local#144"),
    ),
    needs=STREAM,
    broken_by=(counts_tokens, counts_from_one),
)
def index_in_range(stream: View) -> Iterator[Finding]:
    asked = stream.choices_asked
    strange = [choice for choice in stream.choices.values() if choice.index >= asked]
    if strange:
        wanted = "index 0" if asked == 1 else f"an index from 0 to {asked - 1}"
        more = f", {len(strange)} such indices in all" if len(strange) > 1 else ""
        yield stream.finding(wanted, f"index {strange[0].index}{more}", strange[0].first)


@on_chunks
def last_choice_left_out(chunks: list[Chunk]) -> list[Chunk]:
    """As if n had been ignored."""
    return [c for c in chunks if _index(c) < 1]


@rule(
    id="chat/order/all-choices-sent",
    level=MUST,
    says="With n, all of the n choices come.",
    source=(OPENAPI.at("CreateChatCompletionRequest.n"), issue("langchain-ai/langchain#26719")),
    needs=CHOICES,
    broken_by=(last_choice_left_out,),
    ignored="n",
)
def all_choices_sent(stream: View) -> Iterator[Finding]:
    asked = stream.choices_asked  # any number at all, in a foreign recording
    missing = [str(i) for i in islice((i for i in range(asked) if i not in stream.choices), NAMED)]
    if missing and stream.choices and stream.completed:
        more = " and more" if len(missing) == NAMED else ""
        yield stream.finding(
            f"choices 0 to {asked - 1}", f"no chunk for choice {', '.join(missing)}{more}", stream.last
        )


@on_each_choice
def last_choice_first(choice: Chunk) -> None:
    choice["index"] = 1 - choice["index"]


@rule(
    id="chat/order/lowest-index-first",
    level=MAY,
    says="Choices begin in the order of their indices, 0 first.",
    source=(CLIENTS.at("scenario 63: the helper of openai-python raises IndexError"),),
    needs=CHOICES,
    broken_by=(last_choice_first,),
)
def lowest_index_first(stream: View) -> Iterator[Finding]:
    order = [choice.index for choice in stream.choices.values()]
    if order != sorted(order) and not stream.unreadable and not stream.misnumbered:
        after = next(i for i, index in enumerate(order) if index != sorted(order)[i])
        first = stream.choices[order[after]].first
        yield stream.finding(f"choice {sorted(order)[after]}", f"choice {order[after]}", first)


def _choiceless(chunk: Chunk) -> Chunk:
    return {**chunk, "choices": []} | ({"usage": None} if "usage" in chunk else {})


@on_chunks
def opens_without_choices(chunks: list[Chunk]) -> list[Chunk]:
    return [_choiceless(chunks[0]), *chunks]


@on_chunks
def beats_without_choices(chunks: list[Chunk]) -> list[Chunk]:
    """Chunks in place of heart-beat comments."""
    return [chunks[0], _choiceless(chunks[0]), _choiceless(chunks[0]), *chunks[1:]]


@rule(
    id="chat/order/choices-empty-for-a-reason",
    level=SHOULD,
    says="A chunk without choices carries usage or another member that says why it is there.",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices: empty for the last chunk with include_usage"),
        ALWAYS,
        issue("pydantic/logfire#64"),
        issue("awslabs/llmeter#34"),
    ),
    needs=STREAM,
    broken_by=(opens_without_choices, beats_without_choices),
)
def choices_empty_for_a_reason(stream: View) -> Iterator[Finding]:
    steps = [s for s in stream.of(Kind.METADATA) if s.before is not State.DONE and not (s.chunk or {}).keys() - PLAIN]
    if stream.usage_asked and stream.completed and not stream.usages:  # the reason it was sent for is what is missing
        steps = [s for s in steps if "usage" not in (s.chunk or {})]
    yield from stream.first_of(steps, "usage, or no such chunk")


@on_chunks
def three_empty_for_each_token(chunks: list[Chunk]) -> list[Chunk]:
    """Tokens that are held back are sent as chunks with nothing in them."""
    changed: list[Chunk] = []
    for chunk in chunks:
        if any(delta.get("content") for delta in _deltas(chunk)):
            changed += [_bare(chunk, _index(chunk), {"content": ""}) for _ in range(3)]
        changed.append(chunk)
    return changed


@rule(
    id="chat/order/few-empty-chunks",
    level=SHOULD,
    says="Less than a tenth of the chunks carry nothing.",
    source=(SUITE.at("10 %"), issue("vllm-project/vllm#13087"), issue("vllm-project/vllm#30866")),
    needs=STREAM,
    broken_by=(three_empty_for_each_token,),
)
def few_empty_chunks(stream: View) -> Iterator[Finding]:
    choices = stream.choices.values()
    empties = [s for c in choices for s in c.empties if s is not c.first and s.before is not State.DONE]
    if len(empties) > max(2, FEW * len(stream.chunks)):
        yield from stream.first_of(empties, "a delta that carries something")


@on_chunks
def choices_side_by_side(chunks: list[Chunk]) -> list[Chunk]:
    """Neighbours of different choices go into one chunk."""
    merged: list[Chunk] = []
    for chunk in chunks:
        before = merged[-1]["choices"] if merged else []
        if before and chunk["choices"] and all(c["index"] != _index(chunk) for c in before):
            before.extend(chunk["choices"])
        else:
            merged.append(chunk)
    return merged


@rule(
    id="chat/order/one-choice-per-chunk",
    level=MAY,
    says="A chunk holds one choice.",
    source=(CLIENTS.at("scenario 90: the AI SDK reads the first choice of a chunk only"),),
    needs=CHOICES,
    broken_by=(choices_side_by_side,),
)
def one_choice_per_chunk(stream: View) -> Iterator[Finding]:
    steps = [s for s in stream.of(Kind.DELTA, Kind.FINISH) if len((s.chunk or {})["choices"]) > 1]
    yield from stream.first_of(steps, "one choice")


RULES = (
    choice_sent,
    nothing_after_finish,
    no_empty_chunk_after_finish,
    finish_once,
    finish_of_its_own,
    index_in_range,
    all_choices_sent,
    lowest_index_first,
    choices_empty_for_a_reason,
    few_empty_chunks,
    one_choice_per_chunk,
)
