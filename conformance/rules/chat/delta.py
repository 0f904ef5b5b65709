"""The members of a delta, each for itself. Knows neither what was said before nor what the text means."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.protocols.schema_errors import SchemaError
from conformance.rules.mutate import Chunk, on_chunks, on_each_choice, on_one_delta
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI

from .envelope import is_written

DELTA = OPENAPI.at("ChatCompletionStreamResponseDelta")
ALWAYS = OBSERVED.at("109 of 109")
CALLS = "/choices/*/delta/tool_calls"
CALL = f"{CALLS}/*"
MEMBERS_OF_A_CALL = (f"{CALL}/id", f"{CALL}/type", f"{CALL}/function", f"{CALL}/function/name")
ARGUMENTS = f"{CALL}/function/arguments"
FUNCTION = "/choices/*/delta/function_call"
FUNCTION_CALL = (FUNCTION, f"{FUNCTION}/name", f"{FUNCTION}/arguments")
MAY_BE_ABSENT = ("/choices/*/delta/role", CALLS, *FUNCTION_CALL, *MEMBERS_OF_A_CALL, ARGUMENTS)
"""Members that the specification lets be absent, and not null."""


def is_null(error: SchemaError) -> bool:
    """Null was sent."""
    return error.keyword != "required" and error.value is None and is_written(error)


def is_not_null(error: SchemaError) -> bool:
    """A wrong value was sent, and not just null."""
    return error.value is not None


def _call(**members: object) -> list[Chunk]:
    """The first fragment of a tool call, changed; None as a value leaves the member out."""
    fragment = {
        "index": 0,
        "id": "call_a",
        "type": "function",
        "function": {"name": "get_time", "arguments": ""},
        **members,
    }
    return [{name: value for name, value in fragment.items() if value is not None}]


@on_each_choice
def role_model(choice: Chunk) -> None:
    if "role" in choice["delta"]:
        choice["delta"]["role"] = "model"


@on_each_choice
def role_in_capitals(choice: Chunk) -> None:
    if "role" in choice["delta"]:
        choice["delta"]["role"] = "Assistant"


@rule(
    id="chat/delta/role-known",
    level=MUST,
    says="A role is developer, system, user, assistant or tool.",
    source=(OPENAPI.at("ChatCompletionStreamResponseDelta.role"), ALWAYS, CLIENTS.at("scenario 86")),
    needs=STREAM,
    broken_by=(role_model, role_in_capitals),
)
def role_known(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/delta/role", where=is_not_null)


@on_one_delta
def content_number(delta: Chunk) -> None:
    delta["content"] = 7


@on_one_delta
def content_in_parts(delta: Chunk) -> None:
    delta["content"] = [{"type": "text", "text": delta["content"]}]


@on_one_delta
def content_decoded_as_json(delta: Chunk) -> None:
    """A model that writes JSON, and a server that parses it on the way."""
    delta["content"] = {"answer": delta["content"]}


@rule(
    id="chat/delta/content-text",
    level=MUST,
    says="Content is a string or null.",
    source=(OPENAPI.at("ChatCompletionStreamResponseDelta.content"), ALWAYS),
    needs=STREAM,
    broken_by=(content_number, content_in_parts, content_decoded_as_json),
)
def content_text(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/delta/content")


@on_one_delta
def refusal_false(delta: Chunk) -> None:
    delta["refusal"] = False


@rule(
    id="chat/delta/refusal-text",
    level=MUST,
    says="A refusal is a string or null.",
    source=(OPENAPI.at("ChatCompletionStreamResponseDelta.refusal"), ALWAYS),
    needs=STREAM,
    broken_by=(refusal_false,),
)
def refusal_text(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/delta/refusal")


@on_one_delta
def calls_in_an_object(delta: Chunk) -> None:
    delta["tool_calls"] = _call()[0]


@on_one_delta
def call_as_text(delta: Chunk) -> None:
    delta["tool_calls"] = ["get_time()"]


@rule(
    id="chat/delta/tool-calls-array",
    level=MUST,
    says="The tool_calls of a delta are an array of objects.",
    source=(OPENAPI.at("ChatCompletionStreamResponseDelta.tool_calls"), ALWAYS),
    needs=STREAM,
    broken_by=(calls_in_an_object, call_as_text),
)
def tool_calls_array(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(CALLS, where=is_not_null)
    yield from stream.schema_findings(CALL)


@on_one_delta
def call_without_index(delta: Chunk) -> None:
    delta["tool_calls"] = _call(index=None)


@on_one_delta
def call_index_text(delta: Chunk) -> None:
    delta["tool_calls"] = _call(index="0")


@on_one_delta
def call_index_negative(delta: Chunk) -> None:
    delta["tool_calls"] = _call(index=-1)


@on_one_delta
def call_index_with_decimal_point(delta: Chunk) -> None:
    delta["tool_calls"] = _call(index=0.0)


@rule(
    id="chat/delta/tool-call-index",
    level=MUST,
    says="Every fragment of a tool call has an index, an integer from 0.",
    source=(
        OPENAPI.at("ChatCompletionMessageToolCallChunk.required"),
        ALWAYS,
        CLIENTS.at("scenario 53: the helper of openai-node drops the call, that of openai-python raises"),
    ),
    needs=STREAM,
    broken_by=(call_without_index, call_index_text, call_index_negative, call_index_with_decimal_point),
)
def tool_call_index(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(f"{CALL}/index")


@on_one_delta
def call_id_number(delta: Chunk) -> None:
    delta["tool_calls"] = _call(id=1)


@on_one_delta
def call_type_empty(delta: Chunk) -> None:
    delta["tool_calls"] = _call(type="")


@on_one_delta
def function_as_text(delta: Chunk) -> None:
    delta["tool_calls"] = _call(function="get_time")


@rule(
    id="chat/delta/tool-call-members",
    level=MUST,
    says="Id and name of a tool call are strings, its type is function or custom.",
    source=(OPENAPI.at("ChatCompletionMessageToolCallChunk"), ALWAYS),
    needs=STREAM,  # the document has no custom calls in chunks, though it has them in requests and completions
    broken_by=(call_id_number, call_type_empty, function_as_text),
)
def tool_call_members(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(*MEMBERS_OF_A_CALL, where=is_not_null)


@on_one_delta
def arguments_decoded(delta: Chunk) -> None:
    delta["tool_calls"] = _call(function={"name": "get_time", "arguments": {"zone": "UTC"}})


@rule(
    id="chat/delta/tool-call-arguments-text",
    level=MUST,
    says="The arguments of a tool call are a string, a piece of JSON text.",
    source=(
        OPENAPI.at("ChatCompletionMessageToolCallChunk.function.arguments"),
        ALWAYS,
        CLIENTS.at("scenario 60: openai-node gives [object Object]"),
    ),
    needs=STREAM,
    broken_by=(arguments_decoded,),
)
def tool_call_arguments_text(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(ARGUMENTS, where=is_not_null)


@on_one_delta
def function_call_arguments_decoded(delta: Chunk) -> None:
    delta["function_call"] = {"name": "get_time", "arguments": {"zone": "UTC"}}


@on_one_delta
def function_call_text(delta: Chunk) -> None:
    delta["function_call"] = "get_time"


@rule(
    id="chat/delta/function-call-shape",
    level=MUST,
    says="A function_call is an object; its name and arguments are strings.",
    source=(OPENAPI.at("ChatCompletionStreamResponseDelta.function_call"), ALWAYS),
    needs=STREAM,
    broken_by=(function_call_arguments_decoded, function_call_text),
)
def function_call_shape(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings(*FUNCTION_CALL, where=is_not_null)


@on_chunks
def role_null_after_the_first(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["delta"].setdefault("role", None)
    return chunks


@on_each_choice
def tool_calls_null(choice: Chunk) -> None:
    choice["delta"].setdefault("tool_calls", None)


@on_each_choice
def call_id_and_name_null(choice: Chunk) -> None:
    """On every fragment but the first, as from SGLang."""
    for fragment in choice["delta"].get("tool_calls") or []:
        if "id" not in fragment:
            fragment["id"] = fragment["function"]["name"] = None


@rule(
    id="chat/delta/absent-not-null",
    level=SHOULD,
    says="A role, function or tool call that does not come is absent, not null; so are its members.",
    source=(
        CLIENTS.at("case c_null_follow: the helper of openai-python raises AssertionError"),
        DELTA,
        ALWAYS,
    ),
    needs=STREAM,
    broken_by=(role_null_after_the_first, tool_calls_null, call_id_and_name_null),
)
def absent_not_null(stream: View) -> Iterator[Finding]:
    for finding in stream.schema_findings(*MAY_BE_ABSENT, where=is_null):
        yield replace(finding, wanted=f"a value ({finding.wanted}), or no such member")


RULES = (
    role_known,
    content_text,
    refusal_text,
    tool_calls_array,
    tool_call_index,
    tool_call_members,
    tool_call_arguments_text,
    function_call_shape,
    absent_not_null,
)
