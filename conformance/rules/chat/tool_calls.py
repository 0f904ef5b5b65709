"""How tool calls begin: index, id, type and name with the first fragment. Knows no arguments.

Where another call takes over an index, only `own-index` speaks of that call: one mistake, one finding.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

from conformance.protocols.chat.calls import Call
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.chat.tool_mutants import Calls, Fragment, fragments_of, on_calls, on_each_call
from conformance.rules.chat.tool_needs import TOOLS_OFFERED, TOOLS_READ
from conformance.rules.mutate import Chunk, on_chunks
from conformance.rules.rule import MAY, MUST, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue

FRAGMENT = OPENAPI.at("ChatCompletionMessageToolCallChunk")
CALLED = OBSERVED.at("46 of 46 streams with calls")
TWIN_CALLS = "chat/tool-twin/same-calls"
"""What is lost in the stream is not lost in its twin."""


def sound(stream: View) -> list[Call]:
    """Calls that nothing else has taken over, where no message was lost and every chunk is of its own choice."""
    lost = stream.unreadable or stream.misnumbered
    return [] if lost else [call for call in stream.calls if call.taken_over is None]


@on_calls
def counted_from_one(calls: Calls) -> None:
    for fragments in calls:
        for fragment in fragments:
            fragment["index"] += 1


@on_calls
def index_left_out_between(calls: Calls) -> None:
    """The second call has index 2."""
    for fragments in calls[1:]:
        for fragment in fragments:
            fragment["index"] *= 2


@on_calls
def last_index_first(calls: Calls) -> None:
    for number, fragments in enumerate(calls):
        for fragment in fragments:
            fragment["index"] = len(calls) - 1 - number


@on_calls
def first_call_lost(calls: Calls) -> None:
    for fragment in calls[0]:
        if len(calls) > 1:
            fragment.clear()


@rule(
    id="chat/tool-calls/counted",
    level=MUST,
    says="The calls of a choice are counted 0, 1, 2 in the order in which they begin.",
    source=(
        FRAGMENT.at("ChatCompletionMessageToolCallChunk.index"),
        CALLED,
        CLIENTS.at("scenario 57: counted from 1, both helpers of OpenAI raise"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(counted_from_one, index_left_out_between, last_index_first, first_call_lost),
)
def counted(stream: View) -> Iterator[Finding]:
    if stream.unreadable or stream.misnumbered:
        return
    seen: dict[int, int] = {}
    for call in stream.calls:
        wanted = seen.get(call.choice, 0)
        if call.index != wanted:
            yield stream.finding(f"index {wanted}", f"index {call.index}", call.first)
            return
        seen[call.choice] = wanted + 1


@on_calls
def all_index_zero(calls: Calls) -> None:
    for fragments in calls:
        for fragment in fragments:
            fragment["index"] = 0


@on_calls
def all_index_zero_in_one_chunk_each(calls: Calls) -> None:
    """Each call comes whole, and each has index 0."""
    for fragments in calls if len(calls) > 1 else []:
        text = "".join(f["function"].get("arguments", "") for f in fragments)
        fragments[0]["function"]["arguments"] = text
        fragments[0]["index"] = 0
        for fragment in fragments[1:]:
            fragment.clear()


@on_calls
def second_call_without_id_in_the_first(calls: Calls) -> None:
    """The second call has index 0 and a name, and no id that would tell it from the first."""
    for fragments in calls[1:]:
        fragments[0]["function"]["arguments"] = "".join(f["function"].get("arguments", "") for f in fragments)
        fragments[0]["index"] = 0
        del fragments[0]["id"]
        for fragment in fragments[1:]:
            fragment.clear()


@rule(
    id="chat/tool-calls/own-index",
    level=MUST,
    says="Two calls never share an index.",
    source=(
        CLIENTS.at("scenario 54: both SDKs of OpenAI glue the arguments of the calls together"),
        CALLED,
        issue("ollama/ollama#15457"),
        issue("ai-dynamo/dynamo#4723"),
        issue("mcowger/plexus#691"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(all_index_zero, all_index_zero_in_one_chunk_each, second_call_without_id_in_the_first),
)
def own_index(stream: View) -> Iterator[Finding]:
    shared = [call for call in stream.calls if call.taken_over is not None]
    if shared and not stream.unreadable:
        call, step = shared[0], shared[0].taken_over
        begun = next((name for at, name in call.names[1:] if at is step), call.name)
        got = f"another call of {show(begun)} with index {call.index}, which is that of message {call.first.number}"
        yield stream.finding("an index of its own for each call", got, step)


def _missing(stream: View, name: str, kept: Callable[[Call], list[tuple[Step, str]]]) -> Iterator[Finding]:
    """One finding for the calls whose first fragment lacks a member."""
    for call in sound(stream):
        if not kept(call) and not stream.completed:
            continue  # it may have come in what was lost
        if not kept(call) or kept(call)[0][0] is not call.first:
            later = f"; it comes in message {kept(call)[0][0].number}" if kept(call) else ""
            got = f"no {name} for call {call.index}{later}"
            yield stream.finding(f"{name} with the first fragment", got, call.first)
            return


@on_each_call
def id_left_out(fragments: list[Fragment]) -> None:
    for fragment in fragments:
        fragment.pop("id", None)


@on_each_call
def id_empty(fragments: list[Fragment]) -> None:
    fragments[0]["id"] = ""


@on_each_call
def id_comes_with_the_arguments(fragments: list[Fragment]) -> None:
    if len(fragments) > 1:
        fragments[1]["id"] = fragments[0].pop("id")


@rule(
    id="chat/tool-calls/id-first",
    level=MUST,
    says="The first fragment of a call has its id.",
    source=(FRAGMENT.at("ChatCompletionMessageToolCallChunk.id"), CALLED),
    needs=TOOLS_READ,
    broken_by=(id_left_out, id_empty, id_comes_with_the_arguments),
)
def id_first(stream: View) -> Iterator[Finding]:
    yield from _missing(stream, "id", lambda call: call.ids)


@on_each_call
def name_left_out(fragments: list[Fragment]) -> None:
    for fragment in fragments:
        fragment["function"].pop("name", None)


@on_each_call
def name_comes_with_the_arguments(fragments: list[Fragment]) -> None:
    if len(fragments) > 1:
        fragments[1]["function"]["name"] = fragments[0]["function"].pop("name")


@on_each_call
def first_fragment_lost(fragments: list[Fragment]) -> None:
    """The beginning of a call is lost, id and name with it; the arguments still come."""
    if len(fragments) > 1:
        fragments[1] |= {"id": fragments[0]["id"], "type": "function"}
        fragments[0].clear()


@rule(
    id="chat/tool-calls/name-first",
    level=MUST,
    says="The first fragment of a call has the name of the function.",
    source=(FRAGMENT.at("ChatCompletionMessageToolCallChunk.function.name"), CALLED),
    needs=TOOLS_READ,
    broken_by=(name_left_out, name_comes_with_the_arguments, first_fragment_lost),
    also_breaks=(TWIN_CALLS,),
)
def name_first(stream: View) -> Iterator[Finding]:
    yield from _missing(stream, "name", lambda call: call.names)


@on_each_call
def type_left_out(fragments: list[Fragment]) -> None:
    for fragment in fragments:
        fragment.pop("type", None)


@on_each_call
def type_comes_with_the_arguments(fragments: list[Fragment]) -> None:
    if len(fragments) > 1:
        fragments[1]["type"] = fragments[0].pop("type")


@rule(
    id="chat/tool-calls/type-first",
    level=MUST,
    says="The first fragment of a call has type function.",
    source=(
        FRAGMENT.at("ChatCompletionMessageToolCallChunk.type"),
        CALLED,
        CLIENTS.at("scenario 59: the helper of openai-node raises: missing type"),
    ),
    needs=TOOLS_READ,
    broken_by=(type_left_out, type_comes_with_the_arguments),
)
def type_first(stream: View) -> Iterator[Finding]:
    yield from _missing(stream, "type", lambda call: call.types)


@on_calls
def one_id_for_all(calls: Calls) -> None:
    for fragments in calls[1:]:
        fragments[0]["id"] = calls[0][0]["id"]


@on_calls
def name_for_an_id(calls: Calls) -> None:
    for fragments in calls if len(calls) > 1 else []:
        fragments[0]["id"] = fragments[0]["function"]["name"]


@rule(
    id="chat/tool-calls/ids-differ",
    level=MUST,
    says="Two calls of a choice have different ids.",
    source=(
        OPENAPI.at("ChatCompletionRequestToolMessage.tool_call_id: the call that a result responds to"),
        CALLED,
    ),
    needs=TOOLS_OFFERED,
    broken_by=(one_id_for_all, name_for_an_id),
)
def ids_differ(stream: View) -> Iterator[Finding]:
    seen: dict[tuple[int, str], Call] = {}
    for call in sound(stream):
        if call.ids:
            key = (call.choice, call.ids[0][1])
            if key in seen:
                got = f"{show(key[1])}, the id of call {seen[key].index}"
                yield stream.finding("an id of its own", got, call.first)
                return
            seen[key] = call


@on_chunks
def fragments_in_turn(chunks: list[Chunk]) -> list[Chunk]:
    """The fragments of the calls are dealt out in turn."""
    at = [i for i, chunk in enumerate(chunks) if fragments_of(chunk)]
    own: dict[int, list[Chunk]] = {}
    for i in at:
        own.setdefault(fragments_of(chunks[i])[0].get("index", 0), []).append(chunks[i])
    longest = max(map(len, own.values()), default=0)
    dealt = [calls[turn] for turn in range(longest) for calls in own.values() if turn < len(calls)]
    changed = list(chunks)
    for i, chunk in zip(at, dealt, strict=True):
        changed[i] = chunk
    return changed


@rule(
    id="chat/tool-calls/one-after-the-other",
    level=MAY,
    says="A call is complete before the next one begins.",
    source=(
        CALLED,
        CLIENTS.at("scenario 56: every SDK goes by the index"),
        issue("QwenLM/Qwen-Agent#943"),
    ),
    needs=TOOLS_OFFERED,
    broken_by=(fragments_in_turn,),
)
def one_after_the_other(stream: View) -> Iterator[Finding]:
    calls = sound(stream)
    for call, following in pairwise(calls):
        if call.choice == following.choice and call.last.number > following.first.number:
            got = f"call {following.index}, before call {call.index} ends with message {call.last.number}"
            yield stream.finding(f"the rest of call {call.index}", got, following.first)
            return


RULES = (
    counted,
    own_index,
    id_first,
    name_first,
    type_first,
    ids_differ,
    one_after_the_other,
)
