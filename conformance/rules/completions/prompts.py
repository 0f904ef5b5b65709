"""Several prompts in one request: the choices of all of them come, and in the order of the prompts."""

from collections.abc import Iterator

from conformance.protocols.chat.states import Kind
from conformance.protocols.chat.view import View
from conformance.protocols.completions.view import prompt_of, prompts
from conformance.protocols.finding import Finding, show
from conformance.rules.chat import order as chat
from conformance.rules.mutate import Chunk
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import OPENAPI, SUITE

from .mutate import in_text, on_chunks
from .needs import PROMPTS_ECHOED, SEVERAL

PROMPT = OPENAPI.at("CreateCompletionRequest.prompt: a string, array of strings")


def _renumbered(chunks: list[Chunk], numbers: dict[int, int]) -> list[Chunk]:
    """Choices under other indices, where there are as many as are named."""
    if {choice["index"] for chunk in chunks for choice in chunk["choices"]} == set(numbers):
        for chunk in chunks:
            for choice in chunk["choices"]:
                choice["index"] = numbers[choice["index"]]
    return chunks


@on_chunks
def last_prompt_left_out(chunks: list[Chunk]) -> list[Chunk]:
    """The prompts that do not fit into the batch are forgotten."""
    indices = {choice["index"] for chunk in chunks for choice in chunk["choices"]}
    kept = range(len(indices) // 2)
    return [c for c in chunks if not c["choices"] or c["choices"][0]["index"] in kept] if len(indices) > 1 else chunks


@rule(
    id="completions/prompts/all-choices-sent",
    level=MUST,
    says="All choices of all prompts come.",
    source=(PROMPT, OPENAPI.at("CreateCompletionRequest.n: how many completions to generate for each prompt")),
    needs=SEVERAL,
    broken_by=(in_text(chat.last_choice_left_out), last_prompt_left_out),
)
def all_choices_sent(stream: View) -> Iterator[Finding]:
    if stream.of(Kind.TERMINATOR):
        yield from chat.all_choices_sent.check(stream)


@on_chunks
def choice_by_choice(chunks: list[Chunk]) -> list[Chunk]:
    """First the first choice of every prompt, then the second."""
    return _renumbered(chunks, {0: 0, 1: 2, 2: 1, 3: 3})


@on_chunks
def last_prompt_first(chunks: list[Chunk]) -> list[Chunk]:
    return _renumbered(chunks, {0: 2, 1: 3, 2: 0, 3: 1})


@rule(
    id="completions/prompts/in-their-order",
    level=MUST,
    says="The choices of the first prompt have the first indices, then come those of the second.",
    source=(
        PROMPT,
        SUITE.at("the index is all that tells whose completion a choice is: n of the first prompt, n of the next"),
    ),
    needs=PROMPTS_ECHOED,
    broken_by=(choice_by_choice, last_prompt_first),
)
def in_their_order(stream: View) -> Iterator[Finding]:
    if stream.misnumbered:
        return
    asked = {prompt for prompt in prompts(stream.exchange) if prompt}
    for choice in stream.choices.values():
        wanted = prompt_of(stream.exchange, choice.index)
        others = [prompt for prompt in asked - {wanted} if choice.text.startswith(prompt)]
        if wanted and others and not choice.text.startswith(wanted):
            yield stream.finding(
                f"choice {choice.index} to go on from {show(wanted)}", f"from {show(others[0])}", choice.first
            )
            return


RULES = (all_choices_sent, in_their_order)
