"""How a reply with tool calls reads as a whole: which tools, beside which text, and with which finish_reason.

Knows nothing of fragments and arguments.
"""

import re
from collections.abc import Iterator

from conformance.protocols.chat.calls import functions_of, offers_only_functions
from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import Choice, View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.content import pointer_to
from conformance.rules.chat.tool_calls import CALLED, TWIN_CALLS, sound
from conformance.rules.chat.tool_mutants import Fragment, fragments_of, on_each_call, with_call
from conformance.rules.chat.tool_mutants import without_calls as _without_calls
from conformance.rules.chat.tool_needs import (
    AUTO_OR_REQUIRED,
    FUNCTIONS_NOT_OFFERED,
    TOOLS_NOT_OFFERED,
    TOOLS_OFFERED,
)
from conformance.rules.mutate import Chunk, finish_as, on_chunks, say, spoken
from conformance.rules.needs import READ_ALL
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OBSERVED, OPENAPI, SUITE, issue

FINISH = OPENAPI.at("finish_reason: tool_calls if the model called a tool")
SAME_TEXT = "chat/twin/same-text"
SAME_FINISH = "chat/twin/same-finish-reason"
MARKUP = re.compile(
    r"</?tool_calls?>|</?function_calls?>|<function=\w|\[TOOL_CALLS\]|<\|?(?:python_tag|tool_calls?(?:_begin|_start)?)\|?>"
    r"|<｜tool▁call|</?invoke\b|```(?:json|tool_code|tool_call)\s*\{\s*\"(?:name|function|tool)\""
    r"|^\s*\{\s*\"name\"\s*:\s*\"[\w.-]+\"\s*,\s*\"(?:arguments|parameters)\"\s*:",
)
"""How models write calls: Hermes and Qwen, Llama, Mistral, DeepSeek, Claude, and JSON that is a call and nothing
else."""


@on_each_call
def name_made_up(fragments: list[Fragment]) -> None:
    fragments[0]["function"]["name"] = "lookup"


@on_each_call
def name_with_its_namespace(fragments: list[Fragment]) -> None:
    """As models of the Harmony format write it, functions.get_weather."""
    fragments[0]["function"]["name"] = f"functions.{fragments[0]['function']['name']}"


@on_each_call
def name_with_its_markup(fragments: list[Fragment]) -> None:
    fragments[0]["function"]["name"] = f"{fragments[0]['function']['name']}<|channel|>commentary"


@rule(
    id="chat/tool-replies/offered",
    level=MUST,
    says="Only functions that were offered are called.",
    source=(OPENAPI.at("CreateChatCompletionRequest.tools: a list of tools the model may call"), CALLED),
    needs=TOOLS_OFFERED,
    broken_by=(name_made_up, name_with_its_namespace, name_with_its_markup),
    also_breaks=(TWIN_CALLS,),
)
def offered(stream: View) -> Iterator[Finding]:
    functions = functions_of(stream.exchange)
    if not offers_only_functions(stream.exchange):
        return
    for call in sound(stream):
        if len(call.names) == 1 and call.names[0][0] is call.first and call.name not in functions:
            wanted = " or ".join(list(functions)[:5]) + (" or another of them" if len(functions) > 5 else "")
            yield stream.finding(wanted, show(call.name), call.first)
            return


@on_chunks
def called_unasked(chunks: list[Chunk]) -> list[Chunk]:
    return with_call(chunks, 0, "get_time", '{"zone":"UTC"}')


@rule(
    id="chat/tool-replies/asked-for",
    level=MUST,
    says="A stream to which no tools were offered calls none.",
    source=(OPENAPI.at("tool_choice: none is the default when no tools are present"), OBSERVED.at("49 of 49")),
    needs=TOOLS_NOT_OFFERED,
    broken_by=(called_unasked,),
)
def asked_for(stream: View) -> Iterator[Finding]:
    calls = [call for call in stream.calls if call.names and call.first.before is not State.DONE]
    if calls:
        yield stream.finding("no call", f"a call of {show(calls[0].name)}", calls[0].first)


@on_chunks
def text_beside_the_call(chunks: list[Chunk]) -> list[Chunk]:
    """The call rides on the last chunk with text."""
    said = spoken(chunks)
    first = next((i for i, chunk in enumerate(chunks) if fragments_of(chunk)), 0)
    if not said or not first:
        return chunks
    said[-1]["choices"][0]["delta"]["tool_calls"] = fragments_of(chunks[first])
    return [*chunks[:first], *chunks[first + 1 :]]


@rule(
    id="chat/tool-replies/text-apart",
    level=SHOULD,
    says="A chunk with a part of a tool call carries no text.",
    source=(CALLED, SUITE.at("clients that look at the text first never see the call")),
    needs=TOOLS_OFFERED,
    broken_by=(text_beside_the_call,),
)
def text_apart(stream: View) -> Iterator[Finding]:
    numbers = {step.number for call in stream.calls for step, _ in call.fragments}
    for choice in stream.choices.values() if numbers else ():
        for step, text in choice.texts:
            if step.number in numbers:
                pointer = pointer_to(step, choice.index)
                yield stream.finding('no content, or "" or null', show(text), step, pointer=pointer)
                return


@on_chunks
def markup_for_a_call(chunks: list[Chunk]) -> list[Chunk]:
    """No parser is there, or it gave up: the reply has the call as the model wrote it."""
    return say(chunks, "<tool", '_call>\n{"name": "get_time"', ', "arguments": {}}\n</tool', "_call>")


@on_chunks
def opening_tag_only(chunks: list[Chunk]) -> list[Chunk]:
    """What the parser takes for the beginning of a call was sent already."""
    return say(chunks, "\n<tool_call>")


@on_chunks
def in_a_fence(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, "\n```json\n", '{"name": "get_time", "arguments": {"zone": "UTC"}}', "\n```")


@on_chunks
def of_llama(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, "<function=get", '_time>{"zone": "UTC"}</function>')


@rule(
    id="chat/tool-replies/no-markup",
    level=SHOULD,
    says="The markup in which a model writes calls does not come as text.",
    source=(
        OPENAPI.at("ChatCompletionStreamResponseDelta.tool_calls"),
        SUITE.at("markup of common models, where tools were offered and the request has no such text"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(markup_for_a_call, opening_tag_only, in_a_fence, of_llama),
    also_breaks=(SAME_TEXT,),
)
def no_markup(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        found = MARKUP.search(choice.text)
        if found and not _requested(stream, found.group()):
            step = choice.step_at(found.start())
            got = show(choice.text[max(0, found.start() - 20) : found.end() + 60])
            yield stream.finding("a tool call, or text", got, step, pointer=pointer_to(step, choice.index))
            return


def _requested(stream: View, text: str) -> bool:
    """Some message of the request has this text, so that the reply may well repeat it."""
    messages = stream.exchange.member("messages")
    return isinstance(messages, list) and any(
        isinstance(m, dict) and isinstance(m.get("content"), str) and text in m["content"] for m in messages
    )


@on_chunks
def finished_with_stop(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "stop") if any(fragments_of(chunk) for chunk in chunks) else chunks


@on_chunks
def finished_with_function_call(chunks: list[Chunk]) -> list[Chunk]:
    """The reason of the older API."""
    return finish_as(chunks, "function_call") if any(fragments_of(chunk) for chunk in chunks) else chunks


@rule(
    id="chat/tool-replies/finish",
    level=MUST,
    says="A choice that called tools, none of them named by tool_choice, finishes with tool_calls.",
    source=(
        FINISH,
        CALLED,
        issue("sgl-project/sglang#2877"),
        issue("vllm-project/vllm#9209"),
        issue("BerriAI/litellm#12862"),
        issue("Blaizzy/mlx-vlm#990"),
    ),
    needs=AUTO_OR_REQUIRED,
    broken_by=(finished_with_stop, finished_with_function_call),
    also_breaks=(SAME_FINISH,),
)
def finish(stream: View) -> Iterator[Finding]:
    called = {call.choice: call for call in stream.calls}
    for index, call in called.items():
        choice = stream.choices[index]
        if choice.finish in ("stop", "function_call"):
            got = f"{choice.finish}, after a call of {show(call.name)}"
            yield stream.finding("finish_reason tool_calls", got, _finish_of(choice))
            return


def _finish_of(choice: Choice) -> Step:
    return choice.finishes[0][0]


def _promises_calls(chunks: list[Chunk]) -> bool:
    return any(choice.get("finish_reason") == "tool_calls" for chunk in chunks for choice in chunk["choices"])


@on_chunks
def calls_lost(chunks: list[Chunk]) -> list[Chunk]:
    """The finish_reason promises calls that never came."""
    return _without_calls(chunks) if _promises_calls(chunks) else chunks


@on_chunks
def arguments_as_content(chunks: list[Chunk]) -> list[Chunk]:
    """The arguments are sent as content."""
    for chunk in chunks if _promises_calls(chunks) else []:
        for choice in chunk["choices"]:
            for fragment in choice["delta"].pop("tool_calls", []):
                choice["delta"]["content"] = fragment["function"].get("arguments", "")
    return chunks


@on_chunks
def promised_by_mistake(chunks: list[Chunk]) -> list[Chunk]:
    """Text finishes as a call does."""
    called = any(fragments_of(chunk) for chunk in chunks)
    return chunks if called else finish_as(chunks, "tool_calls")


@rule(
    id="chat/tool-replies/finish-kept",
    level=MUST,
    says="A choice that finishes with tool_calls has called a tool.",
    source=(FINISH, CALLED),
    needs=READ_ALL,
    broken_by=(calls_lost, arguments_as_content, promised_by_mistake),
    also_breaks=(TWIN_CALLS, SAME_TEXT, SAME_FINISH),
)
def finish_kept(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values() if stream.completed else ():
        if choice.finish == "tool_calls" and not choice.called:
            yield stream.finding("a call, or finish_reason stop", "tool_calls, and no call", _finish_of(choice))
            return


@on_chunks
def called_the_older_way(chunks: list[Chunk]) -> list[Chunk]:
    """The call is a function_call, which was asked for by `functions` only."""
    for chunk in chunks:
        for choice in chunk["choices"]:
            for fragment in choice["delta"].pop("tool_calls", []):
                choice["delta"]["function_call"] = fragment["function"]
            if choice.get("finish_reason") == "tool_calls":
                choice["finish_reason"] = "function_call"
    return chunks


@on_chunks
def function_call_unasked(chunks: list[Chunk]) -> list[Chunk]:
    """On the first chunk, as from servers that fill in every member there is."""
    for chunk in chunks[:1]:
        chunk["choices"][0]["delta"]["function_call"] = {"name": "", "arguments": ""}
    return chunks


@rule(
    id="chat/tool-replies/no-function-call",
    level=MUST,
    says="A function_call comes only where functions were offered, not tools.",
    source=(
        OPENAPI.at("delta.function_call: deprecated and replaced by tool_calls"),
        OBSERVED.at("109 of 109"),
    ),
    needs=FUNCTIONS_NOT_OFFERED,
    broken_by=(called_the_older_way, function_call_unasked),
    also_breaks=(SAME_FINISH,),
)
def no_function_call(stream: View) -> Iterator[Finding]:
    for step in stream.chunks if b'"function_call"' in stream.exchange.body else ():
        for entry in (step.chunk or {}).get("choices") or ():
            delta = entry.get("delta") if isinstance(entry, dict) else None
            call = delta.get("function_call") if isinstance(delta, dict) else None
            if isinstance(call, dict) and isinstance(call.get("arguments", ""), str):
                yield stream.finding("tool_calls", f"function_call {show(call)}", step)
                return


RULES = (
    offered,
    asked_for,
    text_apart,
    no_markup,
    finish,
    finish_kept,
    no_function_call,
)
