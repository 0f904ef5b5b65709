"""The same request with tools streamed and not streamed: both call the same. Knows nothing of either by itself."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.calls import Whole, read
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.document import on_completion
from conformance.rules.chat.tool_calls import sound
from conformance.rules.chat.tool_mutants import Calls, Fragment, let_call, on_calls, on_each_call, with_call
from conformance.rules.chat.tool_needs import CALLS_TWIN
from conformance.rules.mutate import Chunk, dumps, on_chunks
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

DETERMINISTIC = SUITE.at("temperature 0 and a seed, on a target that declares itself deterministic")


def _calls(stream: View) -> dict[int, list[tuple[str, str]]] | None:
    """Names and arguments of the calls of each choice that was not streamed; None where they cannot be read."""
    document = stream.exchange.beside.document if stream.exchange.beside else None
    choices = document.get("choices") if isinstance(document, dict) else None
    found: dict[int, list[tuple[str, str]]] = {}
    try:
        for choice in choices or ():
            functions = [call["function"] for call in choice["message"].get("tool_calls") or ()]
            found[choice["index"]] = [(function["name"], function["arguments"]) for function in functions]
    except (KeyError, TypeError, AttributeError):
        return None
    return found if all(isinstance(part, str) for calls in found.values() for call in calls for part in call) else None


def _both(stream: View) -> Iterator[tuple[int, list[Any], list[tuple[str, str]]]]:
    """The calls of each choice, streamed and not; of choices that are complete in both."""
    wanted = _calls(stream)
    misshapen = not stream.calls and any(choice.called for choice in stream.choices.values())
    if not stream.completed or wanted is None or misshapen or len(sound(stream)) != len(stream.calls):
        return
    for index, calls in wanted.items():
        choice = stream.choices.get(index)
        if choice is not None and choice.finish in ("stop", "tool_calls"):
            yield index, [call for call in sound(stream) if call.choice == index], calls


@on_chunks
def called_again(chunks: list[Chunk]) -> list[Chunk]:
    return with_call(chunks, 1, "get_weather", '{"city":"Paris","unit":"celsius"}')


@on_calls
def another_called(calls: Calls) -> None:
    """The other function of those offered."""
    for fragments in calls:
        let_call(fragments, "get_weather", '{"city":"Paris","unit":"celsius"}')


@on_completion
def lost_from_the_document(document: dict[str, Any]) -> None:
    """Tool calls are parsed in streams only."""
    for choice in document["choices"]:
        choice["message"].pop("tool_calls", None)


@rule(
    id="chat/tool-twin/same-calls",
    level=MUST,
    says="The functions called are those of the same request not streamed.",
    source=(OPENAPI.at("ChatCompletionMessageToolCalls"), DETERMINISTIC, issue("vllm-project/vllm#34887")),
    needs=CALLS_TWIN,
    broken_by=(called_again, another_called, lost_from_the_document),
)
def same_calls(stream: View) -> Iterator[Finding]:
    for index, calls, wanted in _both(stream):
        names = ["".join(name for _, name in call.names) for call in calls]
        if names != [name for name, _ in wanted]:
            step = calls[-1].last if calls else stream.choices[index].finishes[0][0]
            listed = ", ".join(name for name, _ in wanted) or "no call"
            yield stream.finding(f"{listed}, as not streamed", ", ".join(names) or "no call", step)
            return


@on_each_call
def arguments_of_another(fragments: list[Fragment]) -> None:
    for fragment in fragments[1:-1]:
        fragment.clear()
    fragments[-1]["function"]["arguments"] = '{"zone":"CET"}'


@on_each_call
def arguments_left_empty(fragments: list[Fragment]) -> None:
    """What had come before the name was known is not sent."""
    for fragment in fragments[1:-1]:
        fragment.clear()
    fragments[-1]["function"]["arguments"] = "{}"


@on_completion
def document_loses_a_member(document: dict[str, Any]) -> None:
    for choice in document["choices"]:
        for call in choice["message"].get("tool_calls", []):
            call["function"]["arguments"] = dumps({"zone": ""})


@rule(
    id="chat/tool-twin/same-arguments",
    level=MUST,
    says="The arguments are those of the same request not streamed.",
    source=(
        OPENAPI.at("ChatCompletionMessageToolCall.function.arguments"),
        DETERMINISTIC,
        issue("vllm-project/vllm#21046"),
    ),
    needs=CALLS_TWIN,
    broken_by=(arguments_of_another, arguments_left_empty, document_loses_a_member),
    also_breaks=("chat/tool-arguments/fit",),
)
def same_arguments(stream: View) -> Iterator[Finding]:
    for _, calls, wanted in _both(stream):
        if [call.name for call in calls] != [name for name, _ in wanted]:
            continue
        for call, (_, arguments) in zip(calls, wanted, strict=True):
            value, whole = read(arguments)
            same = call.value == value if call.whole is whole is Whole.JSON else call.arguments == arguments
            if not same:
                yield stream.finding(f"{show(arguments)}, as not streamed", show(call.arguments), call.last)
                return


RULES = (same_calls, same_arguments)
