"""The arguments of tool calls, put together: one JSON object that fits the parameters of its function.

Knows nothing of which function is called. What `max_tokens` cut short is the business of `cut-finishes-with-length`.
"""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.calls import Call, Whole, functions_of, read
from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.protocols.fitting import misfits
from conformance.rules.chat.tool_calls import CALLED, sound
from conformance.rules.chat.tool_mutants import Fragment, halves, on_arguments, on_each_call
from conformance.rules.chat.tool_needs import CALLS_CUT, CALLS_WHOLE, LOOSE_CALLS, STRICT_CALLS
from conformance.rules.mutate import Chunk, dumps, finish_as, on_chunks
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

ARGUMENTS = OPENAPI.at("ChatCompletionMessageToolCallChunk.function.arguments")
TWIN_ARGUMENTS = "chat/tool-twin/same-arguments"
"""What is lost in the stream is not lost in its twin."""
DONE = ("stop", "tool_calls", "function_call")
"""Reasons that say that the reply is whole."""
MOST_CALLS = 64
"""Calls whose arguments are held against a schema: each of them may cost milliseconds."""
LONG = 24
"""Characters of arguments that take more than one token."""


def _finished(stream: View) -> list[Call]:
    """Calls of choices that say that they are whole."""
    if not stream.completed:
        return []
    return [call for call in sound(stream) if stream.choices[call.choice].finish in DONE]


def _takes_nothing(stream: View, call: Call) -> bool:
    """The function needs no arguments, as far as the request tells."""
    parameters = functions_of(stream.exchange).get(call.name, {}).get("parameters")
    return not (isinstance(parameters, dict) and parameters.get("required"))


@on_arguments
def last_brace_lost(pieces: list[str]) -> list[str]:
    return [*pieces[:-1], pieces[-1][:-1]] if pieces else pieces


@on_arguments
def last_piece_lost(pieces: list[str]) -> list[str]:
    """What the parser held back is not sent when the reply ends."""
    return pieces[:-1] if len(pieces) > 1 else pieces


@on_arguments
def first_piece_lost(pieces: list[str]) -> list[str]:
    return pieces[1:] if len(pieces) > 1 else pieces


@on_arguments
def all_of_it_so_far(pieces: list[str]) -> list[str]:
    """Every fragment has all of the arguments so far."""
    return ["".join(pieces[: number + 1]) for number in range(len(pieces))]


@on_arguments
def written_as_python(pieces: list[str]) -> list[str]:
    text = "".join(pieces)
    return halves(text.replace('"', "'")) if '"' in text else pieces


@on_arguments
def lost(pieces: list[str]) -> list[str]:
    """A function that needs arguments gets none."""
    return pieces if pieces == ["{}"] else []


@rule(
    id="chat/tool-arguments/json",
    level=MUST,
    says="The arguments of a call, put together, are JSON.",
    source=(
        ARGUMENTS,
        CALLED,
        issue("vllm-project/vllm#32152"),
        issue("vllm-project/vllm#45256"),
        issue("vllm-project/vllm#15274"),
        issue("NVIDIA/TensorRT-LLM#19228"),
    ),
    needs=CALLS_WHOLE,
    broken_by=(last_brace_lost, last_piece_lost, first_piece_lost, all_of_it_so_far, written_as_python, lost),
    also_breaks=(TWIN_ARGUMENTS,),
)
def json(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        nothing = call.whole is Whole.EMPTY and not _takes_nothing(stream, call)
        if nothing or call.whole is Whole.BROKEN:
            yield stream.finding("JSON", show(call.arguments), call.last)
            return


@on_arguments
def whole_again_at_the_end(pieces: list[str]) -> list[str]:
    """What was streamed is sent once more in one piece."""
    return [*pieces, "".join(pieces)]


@on_arguments
def empty_object_before(pieces: list[str]) -> list[str]:
    """A placeholder for arguments that are not known yet."""
    return ["{}", *pieces] if pieces else pieces


@rule(
    id="chat/tool-arguments/one-value",
    level=MUST,
    says="The arguments of a call are one JSON value, not several behind each other.",
    source=(ARGUMENTS, CALLED, issue("vllm-project/vllm#16919")),
    needs=CALLS_WHOLE,
    broken_by=(whole_again_at_the_end, empty_object_before),
    also_breaks=(TWIN_ARGUMENTS,),
)
def one_value(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        if call.whole is Whole.SEVERAL:
            yield stream.finding("one JSON value", show(call.arguments), call.last)
            return


@on_arguments
def encoded_twice(pieces: list[str]) -> list[str]:
    """The JSON text is a string within JSON."""
    return halves(dumps("".join(pieces))) if pieces else pieces


@on_arguments
def in_an_array(pieces: list[str]) -> list[str]:
    return ["[", *pieces, "]"] if pieces else pieces


@on_arguments
def null(pieces: list[str]) -> list[str]:
    return ["null"] if pieces else pieces


@rule(
    id="chat/tool-arguments/object",
    level=MUST,
    says="The arguments of a call are a JSON object.",
    source=(OPENAPI.at("FunctionParameters: the parameters of a function, a JSON Schema object"), CALLED),
    needs=CALLS_WHOLE,
    broken_by=(encoded_twice, in_an_array, null),
    also_breaks=(TWIN_ARGUMENTS,),
)
def object_(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        if call.whole is Whole.JSON and not isinstance(call.value, dict):
            yield stream.finding("a JSON object", show(call.arguments), call.last)
            return


def _changed(pieces: list[str], change: dict[str, Any], *removed: str) -> list[str]:
    value, _ = read("".join(pieces))
    if not isinstance(value, dict):
        return pieces
    kept = {name: member for name, member in value.items() if name not in removed}
    changed = {**kept, **{name: change[name] for name in change if name in value}}
    return halves(dumps(changed)) if value else pieces


@on_arguments
def member_left_out(pieces: list[str]) -> list[str]:
    return _changed(pieces, {}, "unit", "zone")


@on_arguments
def member_of_another_type(pieces: list[str]) -> list[str]:
    return _changed(pieces, {"city": 7, "zone": 7})


@on_arguments
def member_made_up(pieces: list[str]) -> list[str]:
    return halves("".join(pieces)[:-1] + ',"mood":"fine"}') if len(pieces) > 1 else pieces


def _unfit(stream: View, *, strict: bool) -> Iterator[Finding]:
    functions = functions_of(stream.exchange)
    for call in _finished(stream)[:MOST_CALLS]:
        function = functions.get(call.name)
        if function is None or not isinstance(call.value, dict) or (function.get("strict") is True) is not strict:
            continue
        for misfit in misfits(call.value, function.get("parameters"))[:1]:
            got = f"{show(call.arguments)}: {misfit.says}"
            yield stream.finding(f"arguments that fit the parameters of {show(call.name)}", got, call.last)
            return


@rule(
    id="chat/tool-arguments/fit",
    level=SHOULD,
    says="The arguments of a call fit the parameters of its function.",
    source=(
        OPENAPI.at("FunctionObject.parameters: the parameters the function accepts"),
        SUITE.at("without strict, models invent parameters; with a grammar they cannot"),
    ),
    needs=LOOSE_CALLS,
    broken_by=(member_left_out, member_of_another_type, member_made_up),
    also_breaks=(TWIN_ARGUMENTS,),
)
def fit(stream: View) -> Iterator[Finding]:
    yield from _unfit(stream, strict=False)


@rule(
    id="chat/tool-arguments/fit-strict",
    level=MUST,
    says="The arguments of a call of a strict function fit its parameters.",
    source=(OPENAPI.at("FunctionObject.strict: the model will follow the exact schema defined in parameters"),),
    needs=STRICT_CALLS,
    broken_by=(member_left_out, member_of_another_type, member_made_up),
    ignored="strict",
)
def fit_strict(stream: View) -> Iterator[Finding]:
    yield from _unfit(stream, strict=True)


@on_each_call
def empty(fragments: list[Fragment]) -> None:
    """A call without arguments has an empty string for them."""
    if [f["function"].get("arguments") for f in fragments[1:]] == ["{}"]:
        fragments[1].clear()


@rule(
    id="chat/tool-arguments/empty-object",
    level=SHOULD,
    says="A call without arguments has {} for them.",
    source=(
        SUITE.at("an empty string is no JSON, and clients parse what they get"),
        CALLED,
        issue("ogx-ai/ogx#1169"),
        issue("vllm-project/vllm#21046"),
    ),
    needs=CALLS_WHOLE,
    broken_by=(empty,),
)
def empty_object(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        if call.whole is Whole.EMPTY and call.names and not call.is_custom and _takes_nothing(stream, call):
            yield stream.finding("{}", show(call.arguments), call.last)
            return


@on_arguments
def in_one_piece(pieces: list[str]) -> list[str]:
    """As from Groq and Mistral."""
    return ["".join(pieces)] if len("".join(pieces)) > LONG else pieces


@rule(
    id="chat/tool-arguments/in-pieces",
    level=MAY,
    says="Long arguments come in pieces, as they are generated.",
    source=(CALLED, SUITE.at("a call held back until it is complete is not streamed")),
    needs=CALLS_WHOLE,
    broken_by=(in_one_piece,),
)
def in_pieces(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        if len(call.pieces) == 1 and len(call.arguments) > LONG:
            yield stream.finding("pieces", f"{len(call.arguments)} characters in one", call.pieces[0][0])
            return


@on_each_call
def begin_without_arguments(fragments: list[Fragment]) -> None:
    """As from vLLM."""
    if len(fragments) > 1:
        fragments[0]["function"].pop("arguments", None)


@on_each_call
def begin_with_a_piece(fragments: list[Fragment]) -> None:
    """As from llama.cpp."""
    if len(fragments) > 2:
        fragments[0]["function"]["arguments"] = fragments[1]["function"]["arguments"]
        fragments[1].clear()


@rule(
    id="chat/tool-arguments/begin-empty",
    level=MAY,
    says='The first fragment of a call has arguments "".',
    source=(CALLED,),
    needs=CALLS_WHOLE,
    broken_by=(begin_without_arguments, begin_with_a_piece),
)
def begin_empty(stream: View) -> Iterator[Finding]:
    for call in sound(stream):
        function = call.fragments[0][1].get("function")
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if arguments != "" and len(call.fragments) > 1 and call.names and call.names[0][0] is call.first:
            yield stream.finding('arguments ""', "no such member" if arguments is None else show(arguments), call.first)
            return


@on_chunks
def cut_called_complete(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "tool_calls")


@on_chunks
def cut_called_stop(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "stop")


@rule(
    id="chat/tool-arguments/cut-finishes-with-length",
    level=MUST,
    says="A call that max_tokens cut short has the finish_reason length.",
    source=(
        OPENAPI.at("finish_reason: length if the maximum number of tokens specified in the request was reached"),
        SUITE.at("who is told tool_calls calls the tool with half of its arguments"),
    ),
    needs=CALLS_CUT,
    broken_by=(cut_called_complete, cut_called_stop),
)
def cut_finishes_with_length(stream: View) -> Iterator[Finding]:
    for call in _finished(stream):
        if call.whole is Whole.BROKEN or (call.whole is Whole.EMPTY and not _takes_nothing(stream, call)):
            choice = stream.choices[call.choice]
            got = f"{choice.finish}, and arguments {show(call.arguments)}"
            yield stream.finding("finish_reason length", got, choice.finishes[0][0])
            return


RULES = (
    json,
    one_value,
    object_,
    fit,
    fit_strict,
    empty_object,
    in_pieces,
    begin_empty,
    cut_finishes_with_length,
)
