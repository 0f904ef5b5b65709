"""tool_choice and parallel_tool_calls are honoured, and refused where they make no sense. Knows no arguments.

A breach shows that the parameter was accepted and ignored.
"""

from collections.abc import Iterator

from conformance.protocols.chat.calls import functions_of
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.refusals import answered_with_a_stream
from conformance.rules.chat.tool_calls import sound
from conformance.rules.chat.tool_mutants import Calls, fragments_of, let_call, on_calls, with_call, without_calls
from conformance.rules.chat.tool_needs import (
    CHOICE_NAMED,
    CHOICE_NONE,
    CHOICE_REQUIRED,
    CHOICE_UNKNOWN,
    CHOICE_WITHOUT_TOOLS,
    PARALLEL_OFF,
    chosen,
)
from conformance.rules.mutate import Chunk, finish_as, on_chunks
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, RFC9110, SUITE

OPTION = OPENAPI.at("ChatCompletionToolChoiceOption")


@on_chunks
def called_all_the_same(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(with_call(chunks, 0, "get_weather", '{"city":"Paris","unit":"celsius"}'), "tool_calls")


@on_chunks
def called_and_finished_with_stop(chunks: list[Chunk]) -> list[Chunk]:
    return with_call(chunks, 0, "get_time", '{"zone":"UTC"}')


@rule(
    id="chat/tool-choice/none",
    level=MUST,
    says="With tool_choice none no tool is called.",
    source=(OPTION.at("none means the model will not call any tool and instead generates a message"),),
    needs=CHOICE_NONE,
    broken_by=(called_all_the_same, called_and_finished_with_stop),
    ignored="tool_choice",
)
def none(stream: View) -> Iterator[Finding]:
    for call in stream.calls[:1]:
        yield stream.finding("text", f"a call of {show(call.name)}", call.first)


@on_chunks
def answered_with_text(chunks: list[Chunk]) -> list[Chunk]:
    """The model answers as it likes, with text."""
    for chunk in chunks:
        for choice in chunk["choices"]:
            for fragment in choice["delta"].pop("tool_calls", []):
                choice["delta"]["content"] = " word" if fragment["function"].get("arguments") else ""
    return finish_as(chunks, "stop")


@on_chunks
def answered_with_nothing(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(without_calls(chunks), "stop")


@rule(
    id="chat/tool-choice/required",
    level=MUST,
    says="With tool_choice required a tool is called.",
    source=(OPTION.at("required means the model must call one or more tools"),),
    needs=CHOICE_REQUIRED,
    broken_by=(answered_with_text, answered_with_nothing),
    ignored="tool_choice",
)
def required(stream: View) -> Iterator[Finding]:
    yield from _no_call(stream, "a call")


def _no_call(stream: View, wanted: str) -> Iterator[Finding]:
    """A choice ended of itself without a call; one that was cut short or filtered did not."""
    for choice in stream.choices.values() if stream.completed else ():
        if choice.finish == "stop" and not choice.called and not _refuses(stream):
            got = f"finish_reason stop, and {show(choice.text) if choice.text else 'no text'}"
            yield stream.finding(wanted, got, choice.finishes[0][0])
            return


def _refuses(stream: View) -> bool:
    """The model declined to answer, in a member of its own; or it called in the manner of the older API."""
    body = stream.exchange.body
    return b'"refusal":"' in body or b'"refusal": "' in body or b'"function_call":{' in body


@on_calls
def another_called(calls: Calls) -> None:
    """The model calls what it likes, as under llama.cpp."""
    for fragments in calls:
        let_call(fragments, "get_weather", '{"city":"Paris","unit":"celsius"}')


@on_chunks
def another_called_too(chunks: list[Chunk]) -> list[Chunk]:
    return with_call(chunks, 1, "get_weather", '{"city":"Paris","unit":"celsius"}')


@rule(
    id="chat/tool-choice/named",
    level=MUST,
    says="With a tool_choice that names a function, that function is called, and no other.",
    source=(OPENAPI.at("ChatCompletionNamedToolChoice: forces the model to call that tool"),),
    needs=CHOICE_NAMED,
    broken_by=(another_called, another_called_too, answered_with_text, answered_with_nothing),
    ignored="tool_choice",
)
def named(stream: View) -> Iterator[Finding]:
    wanted, functions = chosen(stream.exchange), functions_of(stream.exchange)
    for call in sound(stream):
        if call.name in functions and call.name != wanted and len(call.names) == 1:
            yield stream.finding(f"a call of {show(wanted)}", f"a call of {show(call.name)}", call.first)
            return
    yield from _no_call(stream, f"a call of {show(wanted)}")


@on_chunks
def called_twice(chunks: list[Chunk]) -> list[Chunk]:
    called = any(fragments_of(chunk) for chunk in chunks)
    return with_call(chunks, 1, "get_weather", '{"city":"Rome","unit":"celsius"}') if called else chunks


@rule(
    id="chat/tool-choice/parallel-off",
    level=SHOULD,
    says="With parallel_tool_calls false one tool is called at the most.",
    source=(OPENAPI.at("ParallelToolCalls: whether to enable parallel function calling"),),
    needs=PARALLEL_OFF,
    broken_by=(called_twice,),
    ignored="parallel_tool_calls",
)
def parallel_off(stream: View) -> Iterator[Finding]:
    first: dict[int, int] = {}
    for call in stream.calls:
        if first.setdefault(call.choice, call.index) != call.index:
            yield stream.finding("one call", f"another, of {show(call.name)}", call.first)
            return


def _accepted(stream: View) -> Iterator[Finding]:
    """A status of success; a 5xx is another rule's business, and shows nothing that was ignored."""
    exchange = stream.exchange
    if 200 <= exchange.status < 400:
        first = next((step.chunk for step in stream.steps if step.chunk), exchange.document)
        yield stream.finding("status 400", f"status {exchange.status}" + (f" and {show(first)}" if first else ""))


@rule(
    id="chat/tool-choice/unknown-refused",
    level=MUST,
    says="A tool_choice that names a function that was not offered is refused with a 4xx status.",
    source=(
        OPENAPI.at("ChatCompletionNamedToolChoice"),
        RFC9110.at("15.5.1: 400, something that is perceived to be a client error"),
        SUITE.at("OpenAI, vLLM and SGLang answer 400"),
    ),
    needs=CHOICE_UNKNOWN,
    broken_by=(answered_with_a_stream,),
    ignored="tool_choice",
)
def unknown_refused(stream: View) -> Iterator[Finding]:
    yield from _accepted(stream)


@rule(
    id="chat/tool-choice/without-tools-refused",
    level=SHOULD,
    says="A tool_choice that wants a call is refused with a 4xx status where no tools are offered.",
    source=(OPENAPI.at("tool_choice: none is the default when no tools are present"), SUITE.at("OpenAI answers 400")),
    needs=CHOICE_WITHOUT_TOOLS,
    broken_by=(answered_with_a_stream,),
    ignored="tool_choice",
)
def without_tools_refused(stream: View) -> Iterator[Finding]:
    yield from _accepted(stream)


RULES = (
    none,
    required,
    named,
    parallel_off,
    unknown_refused,
    without_tools_refused,
)
