"""Reasoning in a stream, which OpenAI's chat completions do not have: once, first, and apart from the reply.

Judged by what the servers that have it agree on, so that nothing here is a MUST.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from conformance.protocols.chat.reasoning import NAMES, Thought
from conformance.protocols.chat.view import Choice, View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import pointer_to
from conformance.rules.chat.extra_needs import THINKING
from conformance.rules.mutate import Chunk, Mutant, on_chunks, spoken
from conformance.rules.rule import SHOULD, rule
from conformance.rules.sources import SUITE, issue

TAGS = re.compile(r"</?(?:think|thinking|thought|reasoning)>|\[/?THINK\]|◁/?think▷")
"""How models mark their thoughts: DeepSeek and Qwen, others, Magistral, Kimi."""
LONG = 24
"""Characters that a reply does not say by chance."""
FIELDS = SUITE.at("reasoning_content of DeepSeek, SGLang and llama.cpp, reasoning of vLLM, Groq and OpenRouter")


def thinking(chunks: list[Chunk]) -> list[Chunk]:
    """The chunks with reasoning of choice 0."""
    return [c for c in chunks if c["choices"] and any(c["choices"][0]["delta"].get(name) for name in NAMES)]


def on_thoughts(change: Callable[[list[Chunk], list[Chunk]], list[Chunk]]) -> Mutant:
    """Lift a change of all chunks, given those with reasoning too, where there are some."""

    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        return change(chunks, found) if (found := thinking(chunks)) else chunks

    change_all.__name__, change_all.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_all)


def delta_of(chunk: Chunk) -> dict[str, Any]:
    """The delta of a chunk's first choice."""
    delta: dict[str, Any] = chunk["choices"][0]["delta"]
    return delta


def without(chunks: list[Chunk], left_out: list[Chunk]) -> list[Chunk]:
    """The chunks but for these."""
    return [chunk for chunk in chunks if not any(chunk is other for other in left_out)]


def with_delta(chunk: Chunk, delta: dict[str, Any]) -> Chunk:
    """The same chunk with another delta."""
    return {**chunk, "choices": [{**chunk["choices"][0], "delta": delta}]}


def is_said(thought: Thought, reply: Choice) -> bool:
    """The reasoning is in the text of the reply as well."""
    return len(thought.text.strip()) >= LONG and thought.text.strip() in reply.text


@on_thoughts
def in_an_object(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    for chunk in found:
        delta_of(chunk)["reasoning_content"] = {"text": delta_of(chunk)["reasoning_content"]}
    return chunks


@on_thoughts
def in_a_list(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    delta_of(found[0])["reasoning_content"] = [delta_of(found[0])["reasoning_content"]]
    return chunks


@rule(
    id="chat/reasoning/text",
    level=SHOULD,
    says="Reasoning in a delta is text.",
    source=(FIELDS,),
    needs=THINKING,
    broken_by=(in_an_object, in_a_list),
)
def text(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        for step, name, value in thought.odd[:1]:
            more = f" (and in {len(thought.odd) - 1} more messages)" if len(thought.odd) > 1 else ""
            yield stream.finding("text", f"{show(value)}{more}", step, pointer=pointer_to(step, index, name))


@on_thoughts
def behind_the_reply(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    finish = next(i for i, c in enumerate(chunks) if c["choices"] and c["choices"][0]["finish_reason"])
    return without([*chunks[:finish], *({**c} for c in found), *chunks[finish:]], found)


@on_thoughts
def again_amid_the_reply(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    said = spoken(chunks)
    at = next((i for i, chunk in enumerate(chunks) if chunk is said[-1]), 0)
    return [*without(chunks[:at], found[-1:]), found[-1], *chunks[at:]]


@rule(
    id="chat/reasoning/before-the-reply",
    level=SHOULD,
    says="Reasoning comes before the text of the reply.",
    source=(FIELDS, SUITE.at("tool calls may come in between")),
    needs=THINKING,
    broken_by=(behind_the_reply, again_amid_the_reply),
)
def before_the_reply(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        said = [step.number for step, text in stream.choices[index].texts if text.strip()]
        late = [(step, name) for step, name, _ in thought.pieces if said and step.number > said[0]]
        if late and not stream.choices[index].called:
            step, name = late[0]
            more = f" (and in {len(late) - 1} more messages)" if len(late) > 1 else ""
            got = f"reasoning after text at message {said[0]}{more}"
            yield stream.finding("text", got, step, pointer=pointer_to(step, index, name))


@on_thoughts
def last_thought_with_the_first_word(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    """The piece in which the tag stands is not cut there."""
    if said := spoken(chunks):
        delta_of(said[0])["reasoning_content"] = delta_of(found[-1])["reasoning_content"]
        return without(chunks, found[-1:])
    return chunks


@rule(
    id="chat/reasoning/apart",
    level=SHOULD,
    says="A delta carries reasoning or text, not both.",
    source=(FIELDS, SUITE.at("clients show a delta in one place")),
    needs=THINKING,
    broken_by=(last_thought_with_the_first_word,),
)
def apart(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        said = {step.number: text for step, text in stream.choices[index].texts}
        both = [(step, name, text) for step, name, text in thought.pieces if step.number in said]
        if both:
            step, name, text = both[0]
            got = f"{name} {show(text)} with content {show(said[step.number])}"
            yield stream.finding("one of the two", got, step, pointer=pointer_to(step, index))


def _doubled(chunks: list[Chunk], found: list[Chunk], *, before: str = "", after: str = "") -> list[Chunk]:
    """All thoughts once more, as text in front of the reply."""
    last = next(i for i, chunk in enumerate(chunks) if chunk is found[-1]) + 1
    again = [with_delta(chunk, {"content": delta_of(chunk)["reasoning_content"]}) for chunk in found]
    delta_of(again[0])["content"] = before + delta_of(again[0])["content"]
    delta_of(again[-1])["content"] += after
    return [*chunks[:last], *again, *chunks[last:]]


@on_thoughts
def said_as_well(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    return _doubled(chunks, found, after="\n\n")


@rule(
    id="chat/reasoning/not-in-the-reply",
    level=SHOULD,
    says="Reasoning is not in the text of the reply as well.",
    source=(FIELDS, SUITE.at(f"{LONG} characters or more")),
    needs=THINKING,
    broken_by=(said_as_well,),
)
def not_in_the_reply(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        reply = stream.choices[index]
        if is_said(thought, reply):
            step = reply.step_at(reply.text.find(thought.text.strip()))
            yield stream.finding("the reply alone", show(thought.text), step, pointer=pointer_to(step, index))


@on_thoughts
def under_both_names(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    """The old name is kept beside the new one, and clients that read both have everything twice."""
    for chunk in found:
        delta_of(chunk)["reasoning"] = delta_of(chunk)["reasoning_content"]
    return chunks


@on_thoughts
def name_changes(chunks: list[Chunk], found: list[Chunk]) -> list[Chunk]:
    for chunk in found[len(found) // 2 :]:
        delta_of(chunk)["reasoning"] = delta_of(chunk).pop("reasoning_content")
    return chunks


@rule(
    id="chat/reasoning/one-name",
    level=SHOULD,
    says="Reasoning comes under one name throughout a stream.",
    source=(FIELDS, issue("vllm-project/vllm#50624"), issue("BerriAI/litellm#20821")),
    needs=THINKING,
    broken_by=(under_both_names, name_changes),
)
def one_name(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        if thought.both:
            step = thought.both[0]
            got = f"{' and '.join(NAMES)} in one delta"
            yield stream.finding("one of the two names", got, step, pointer=pointer_to(step, index, NAMES[1]))
        elif len(thought.names) > 1:
            (first, _), (other, step) = list(thought.names.items())[:2]
            yield stream.finding(f"{first} throughout", other, step, pointer=pointer_to(step, index, other))


@on_thoughts
def reply_among_the_thoughts(chunks: list[Chunk], _found: list[Chunk]) -> list[Chunk]:
    """The end tag is not seen, and all that comes after it is reasoning too."""
    for chunk in spoken(chunks):
        delta_of(chunk)["reasoning_content"] = delta_of(chunk).pop("content")
    return chunks


@on_thoughts
def reply_left_out(chunks: list[Chunk], _found: list[Chunk]) -> list[Chunk]:
    return without(chunks, spoken(chunks))


@rule(
    id="chat/reasoning/reply-follows",
    level=SHOULD,
    says="A reply with reasoning that ends with stop has text too.",
    source=(FIELDS, SUITE.at("what is not said to the user is no reply")),
    needs=THINKING,
    broken_by=(reply_among_the_thoughts, reply_left_out),
)
def reply_follows(stream: View) -> Iterator[Finding]:
    for index, thought in stream.thoughts.items():
        choice = stream.choices[index]
        if stream.completed and choice.finish == "stop" and not choice.text.strip() and not choice.called:
            got = f"none after the reasoning {show(thought.text, 80)}"
            yield stream.finding("some text", got, choice.finishes[0][0])


RULES = (
    text,
    before_the_reply,
    apart,
    not_in_the_reply,
    one_name,
    reply_follows,
)
