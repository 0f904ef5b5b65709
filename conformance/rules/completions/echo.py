"""The prompt that is asked for again: sent, before everything else, and once. Knows nothing of its likelihood."""

from collections.abc import Iterator

from conformance.protocols.chat.view import Choice, View
from conformance.protocols.completions.view import prompt_of, prompts
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import Chunk
from conformance.rules.rule import SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE

from .mutate import on_chunks
from .needs import ECHO

ECHOED = OPENAPI.at("CreateCompletionRequest.echo: echo back the prompt in addition to the completion")
SHORT = 4
"""Characters of a prompt that a completion may well begin with itself."""


def _echoes(chunks: list[Chunk]) -> list[Chunk]:
    """The first chunk of each choice, which brings the prompt. None with logprobs, which would no longer fit."""
    found: dict[int, Chunk] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            found.setdefault(choice["index"], chunk)
    return [] if any(choice["logprobs"] for chunk in chunks for choice in chunk["choices"]) else list(found.values())


def _among(chunk: Chunk, others: list[Chunk]) -> bool:
    return any(chunk is other for other in others)


def _finished(stream: View) -> Iterator[tuple[Choice, str]]:
    """Choices that came to their end, with the prompt that they go on from."""
    for choice in stream.choices.values():
        prompt = prompt_of(stream.exchange, choice.index).strip()
        if prompt and choice.texts and choice.finishes and stream.completed:
            yield choice, prompt


@on_chunks
def left_out(chunks: list[Chunk]) -> list[Chunk]:
    """As llama.cpp has it, which takes `echo` and does nothing."""
    return [chunk for chunk in chunks if not _among(chunk, _echoes(chunks))]


@on_chunks
def for_the_first_choice_only(chunks: list[Chunk]) -> list[Chunk]:
    return [chunk for chunk in chunks if not _among(chunk, _echoes(chunks)[1:])]


@rule(
    id="completions/echo/sent",
    level=SHOULD,
    says="With echo the text has the prompt in it.",
    source=(ECHOED,),
    needs=ECHO,
    broken_by=(left_out, for_the_first_choice_only),
    ignored="echo",
)
def sent(stream: View) -> Iterator[Finding]:
    asked = [prompt.strip() for prompt in prompts(stream.exchange) if prompt.strip()]
    for choice, prompt in _finished(stream):
        if not any(other in choice.text for other in (prompt, *asked)):
            yield stream.finding(f"a text that begins with {show(prompt)}", show(choice.text), choice.first)
            return


@on_chunks
def at_the_end(chunks: list[Chunk]) -> list[Chunk]:
    echoes = _echoes(chunks)
    others = [chunk for chunk in chunks if not _among(chunk, echoes)]
    at = next((i for i, c in enumerate(others) if c["choices"] and c["choices"][0]["finish_reason"]), len(others))
    return [*others[:at], *echoes, *others[at:]]


@on_chunks
def after_the_first_token(chunks: list[Chunk]) -> list[Chunk]:
    """Prompt and first token come from two threads."""
    echoes = _echoes(chunks)
    others = [chunk for chunk in chunks if not _among(chunk, echoes)]
    return [*others[: len(echoes)], *echoes, *others[len(echoes) :]]


@rule(
    id="completions/echo/first",
    level=SHOULD,
    says="With echo the text begins with the prompt.",
    source=(ECHOED,),
    needs=ECHO,
    broken_by=(at_the_end, after_the_first_token),
)
def first(stream: View) -> Iterator[Finding]:
    for choice, prompt in _finished(stream):
        if prompt in choice.text and not choice.text.lstrip().startswith(prompt):
            at = choice.text.index(prompt)
            yield stream.finding(
                f"a text that begins with {show(prompt)}", f"the prompt from character {at}", choice.step_at(at)
            )
            return


@on_chunks
def sent_twice(chunks: list[Chunk]) -> list[Chunk]:
    """The server puts the prompt in front of a text in which the engine has put it already."""
    echoes = _echoes(chunks)
    return [copy for chunk in chunks for copy in ([chunk, chunk] if _among(chunk, echoes) else [chunk])]


@rule(
    id="completions/echo/once",
    level=SHOULD,
    says="With echo the prompt is sent once.",
    source=(ECHOED, SUITE.at("what a model says again by itself apart")),
    needs=ECHO,
    broken_by=(sent_twice,),
)
def once(stream: View) -> Iterator[Finding]:
    for choice, prompt in _finished(stream):
        text = choice.text.lstrip()
        if len(prompt) > SHORT and text.startswith(prompt) and text[len(prompt) :].lstrip().startswith(prompt):
            step = choice.step_at(choice.text.index(prompt, len(prompt)))
            yield stream.finding("the prompt once", show(choice.text), step)
            return


RULES = (sent, first, once)
