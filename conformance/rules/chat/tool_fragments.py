"""What later fragments of a tool call do not bring again: id, type and name. Knows no arguments."""

from collections.abc import Callable, Iterator

from conformance.protocols.chat.calls import Call
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.tool_calls import CALLED, FRAGMENT, TWIN_CALLS, sound
from conformance.rules.chat.tool_mutants import Fragment, on_each_call
from conformance.rules.chat.tool_needs import TOOLS_OFFERED
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, SUITE, issue


def _more(number: int) -> str:
    return f" (and {number} more times)" if number else ""


def _again(stream: View, name: str, again: Callable[[Call], list[tuple[Step, str]]]) -> Iterator[Finding]:
    """One finding for what comes with later fragments as well."""
    found = [(call, later) for call in sound(stream) if (later := again(call))]
    if found:
        call, later = found[0]
        step, value = later[0]
        more = _more(sum(len(steps) for _, steps in found) - 1)
        yield stream.finding(f"no {name} after message {call.first.number}", f"{name} {show(value)} again{more}", step)


def _same_again(kept: list[tuple[Step, str]]) -> list[tuple[Step, str]]:
    return [(step, value) for step, value in kept[1:] if value == kept[0][1]]


@on_each_call
def id_on_every_fragment(fragments: list[Fragment]) -> None:
    for fragment in fragments[1:]:
        fragment["id"] = fragments[0]["id"]


@on_each_call
def id_again_with_the_last(fragments: list[Fragment]) -> None:
    if len(fragments) > 1:
        fragments[-1]["id"] = fragments[0]["id"]


@rule(
    id="chat/tool-fragments/id-once",
    level=SHOULD,
    says="The id of a call comes once.",
    source=(
        CLIENTS.at("scenario 51: the helper of openai-python makes call_1call_1call_1 of it"),
        CALLED,
        issue("NousResearch/hermes-agent#8259"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(id_on_every_fragment, id_again_with_the_last),
)
def id_once(stream: View) -> Iterator[Finding]:
    yield from _again(stream, "id", lambda call: _same_again(call.ids))


@on_each_call
def another_id_on_each_fragment(fragments: list[Fragment]) -> None:
    for number, fragment in enumerate(fragments[1:-1], 1):
        fragment["id"] = f"{fragments[0]['id']}_{number}"


@rule(
    id="chat/tool-fragments/id-kept",
    level=MUST,
    says="A call keeps its id.",
    source=(
        FRAGMENT.at("ChatCompletionMessageToolCallChunk.id"),
        CALLED,
        issue("NousResearch/hermes-agent#106943"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(another_id_on_each_fragment,),
)
def id_kept(stream: View) -> Iterator[Finding]:
    for call in sound(stream):
        others = [(step, value) for step, value in call.ids[1:] if value != call.ids[0][1]]
        if others:
            got = f"{show(others[0][1])}{_more(len(others) - 1)}"
            yield stream.finding(f"id {show(call.ids[0][1])}, or none", got, others[0][0])
            return


@on_each_call
def name_on_every_fragment(fragments: list[Fragment]) -> None:
    for fragment in fragments[1:]:
        fragment["function"]["name"] = fragments[0]["function"]["name"]


@on_each_call
def name_in_two_pieces(fragments: list[Fragment]) -> None:
    """The name grows with the fragments, as text does."""
    if len(fragments) > 1:
        name = fragments[0]["function"]["name"]
        fragments[0]["function"]["name"], fragments[1]["function"]["name"] = name[:4], name[4:]


@rule(
    id="chat/tool-fragments/name-once",
    level=MUST,
    says="The name of a call comes once, and whole.",
    source=(
        CLIENTS.at("scenario 51: the helpers of OpenAI put names together, read_fileread_file"),
        CALLED,
        issue("NousResearch/hermes-agent#8259"),
        issue("SillyTavern/SillyTavern#5948"),
        issue("HKUDS/DeepTutor#937"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(name_on_every_fragment, name_in_two_pieces),
    also_breaks=(TWIN_CALLS,),
)
def name_once(stream: View) -> Iterator[Finding]:
    yield from _again(stream, "name", lambda call: call.names[1:])


@on_each_call
def type_on_every_fragment(fragments: list[Fragment]) -> None:
    """As from LiteLLM and SGLang."""
    for fragment in fragments[1:]:
        fragment["type"] = "function"


@rule(
    id="chat/tool-fragments/type-once",
    level=SHOULD,
    says="The type of a call comes once.",
    source=(CALLED, SUITE.at("clients that put strings together make functionfunction of it")),
    needs=TOOLS_OFFERED,
    broken_by=(type_on_every_fragment,),
)
def type_once(stream: View) -> Iterator[Finding]:
    yield from _again(stream, "type", lambda call: _same_again(call.types))


RULES = (
    id_once,
    id_kept,
    name_once,
    type_once,
)
