"""The same request twice, and once more with n: the answers are the same. Knows nothing of either answer by itself.

Only for targets that say of themselves that they are deterministic, or keep a seed. Where the two answers differ, the
rules that compare other answers of that target (`chat/twin`, `first-choice-as-with-one`) do not apply.
"""

from collections.abc import Iterator

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.tokens import is_count
from conformance.rules.determinism import parting
from conformance.rules.equivalence_needs import CHOICES_BESIDE_ONE, REPEATED, SEEDED
from conformance.rules.mutate import Chunk, finish_as, on_chunks, say, spoken
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE

DECLARED = SUITE.at("a target that declares itself deterministic gives the same answer at temperature 0 and a seed")
AROUND = 30
"""Characters shown before the place where two texts part."""


def _beside(stream: View) -> View | None:
    """The answer to compare with, where both were read to their end."""
    other = View(stream.exchange.beside) if stream.exchange.beside else None
    return other if other is not None and _whole(other) and _whole(stream) else None


def _whole(stream: View) -> bool:
    """Read to its end; what comes after [DONE] is text to some clients only."""
    return stream.completed and stream.last is not None and stream.last.before is not State.DONE


def _other_text(stream: View, indexes: tuple[int, ...] | None, wanted: str) -> Iterator[Finding]:
    """One finding where a choice has another text than the same choice of the answer beside it."""
    other = _beside(stream)
    for index, before in other.choices.items() if other else ():
        choice = stream.choices.get(index)
        if choice is None or not (choice.finishes and before.finishes) or (indexes and index not in indexes):
            continue
        if choice.text != before.text:
            at = parting(choice.text, before.text)
            around = slice(max(0, at - AROUND), at + 2 * AROUND)
            step = choice.step_at(at) if choice.texts else choice.first
            got = f"{show(choice.text[around])} from character {at}"
            yield stream.finding(f"{show(before.text[around])}, {wanted}", got, step)
            return


@on_chunks
def another_word(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in spoken(chunks)[-1:]:
        chunk["choices"][0]["delta"]["content"] = " or so"
    return chunks


@on_chunks
def goes_on(chunks: list[Chunk]) -> list[Chunk]:
    """Sampling is on, whatever the temperature."""
    return say(chunks, " And", " so", " on.")


@on_chunks
def stops_short(chunks: list[Chunk]) -> list[Chunk]:
    """The answer comes from a cache, less its end."""
    said = spoken(chunks)
    return [chunk for chunk in chunks if chunk is not said[-1]] if len(said) > 1 else chunks


@rule(
    id="chat/repeat/same-text",
    level=MUST,
    says="The same request at temperature 0 gets the same text again.",
    source=(DECLARED, OPENAPI.at("seed: repeated requests with the same seed and parameters return the same result")),
    needs=REPEATED,
    broken_by=(another_word, goes_on, stops_short),
)
def same_text(stream: View) -> Iterator[Finding]:
    yield from _other_text(stream, None, "as the first time")


@on_chunks
def ends_for_length(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "length")


@rule(
    id="chat/repeat/same-finish-reason",
    level=MUST,
    says="The same request at temperature 0 ends for the same reason again.",
    source=(DECLARED,),
    needs=REPEATED,
    broken_by=(ends_for_length,),
)
def same_finish_reason(stream: View) -> Iterator[Finding]:
    other = _beside(stream)
    for index, before in other.choices.items() if other else ():
        choice = stream.choices.get(index)
        if choice is None or choice.text != before.text or not (choice.finishes and before.finishes):
            continue  # another text may well end for another reason
        if choice.finish != before.finish:
            step, got = choice.finishes[0]
            yield stream.finding(f"{show(before.finish)}, as the first time", show(got), step)
            return


@on_chunks
def prompt_counted_from_the_cache(chunks: list[Chunk]) -> list[Chunk]:
    """What the cache knows of the prompt is left out of the count."""
    for chunk in chunks:
        if usage := chunk.get("usage"):
            usage["total_tokens"] -= usage["prompt_tokens"] - 1
            usage["prompt_tokens"] = 1
    return chunks


@on_chunks
def counts_go_on(chunks: list[Chunk]) -> list[Chunk]:
    """A counter is never set back."""
    for chunk in chunks:
        if usage := chunk.get("usage"):
            usage["total_tokens"] += usage["completion_tokens"]
            usage["completion_tokens"] *= 2
    return chunks


@rule(
    id="chat/repeat/same-usage",
    level=SHOULD,
    says="The same request with the same text has the same usage again.",
    source=(OPENAPI.at("CompletionUsage: cached tokens are among prompt_tokens"), DECLARED),
    needs=REPEATED,
    broken_by=(prompt_counted_from_the_cache, counts_go_on),
)
def same_usage(stream: View) -> Iterator[Finding]:
    other = _beside(stream)
    if other is None or {i: c.text for i, c in other.choices.items()} != {i: c.text for i, c in stream.choices.items()}:
        return
    before, after = other.usage or {}, stream.usage or {}
    for name in ("prompt_tokens", "completion_tokens"):
        one, two = before.get(name), after.get(name)
        if is_count(one) and is_count(two) and one != two:
            step = stream.usages[-1]
            yield stream.finding(f"{name} {one}, as the first time", f"{name} {two}", step, pointer=f"/usage/{name}")
            return


@rule(
    id="chat/repeat/seed-kept",
    level=SHOULD,
    says="The same request with the same seed gets the same text again.",
    source=(
        OPENAPI.at("seed: repeated requests with the same seed and parameters return the same result, at best effort"),
        SUITE.at("a target that declares the feature seed"),
    ),
    needs=SEEDED,
    broken_by=(another_word, goes_on),
    ignored="seed",
)
def seed_kept(stream: View) -> Iterator[Finding]:
    yield from _other_text(stream, None, "as the first time with that seed")


def _several(chunks: list[Chunk]) -> bool:
    return any(choice["index"] > 0 for chunk in chunks for choice in chunk["choices"])


@on_chunks
def first_choice_cut(chunks: list[Chunk]) -> list[Chunk]:
    """The first choice ends with the first of the others."""
    said = spoken(chunks)
    return [chunk for chunk in chunks if chunk is not said[-1]] if _several(chunks) and len(said) > 1 else chunks


@on_chunks
def choices_change_places(chunks: list[Chunk]) -> list[Chunk]:
    """A piece of the second choice gets into the first."""
    return say(chunks, " (1)") if _several(chunks) else chunks


@rule(
    id="chat/repeat/first-choice-as-with-one",
    level=SHOULD,
    says="With only the likeliest token left, the first of several choices is the one that comes alone.",
    source=(SUITE.at("top_p next to 0 and a seed, on a target that declares itself deterministic"),),
    needs=CHOICES_BESIDE_ONE,
    broken_by=(first_choice_cut, choices_change_places),
)
def first_choice_as_with_one(stream: View) -> Iterator[Finding]:
    yield from _other_text(stream, (0,), "as with n left out")


RULES = (same_text, same_finish_reason, same_usage, seed_kept, first_choice_as_with_one)
