"""What a completion that was not streamed says: its choices and their messages. Knows nothing of the rest of it."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.rules.chat.document import COMPLETION, on_completion
from conformance.rules.needs import DOCUMENT
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE

CHOICE, MESSAGE = "/choices/*", "/choices/*/message"
TOOL_CALLS = tuple(
    f"{MESSAGE}/tool_calls{part}"
    for part in ("", "/*", "/*/id", "/*/type", "/*/function", "/*/function/name", "/*/function/arguments")
)
ALTERNATIVE = ("", "/token", "/logprob", "/bytes", "/bytes/*")
TOKEN = (*ALTERNATIVE, "/top_logprobs", *(f"/top_logprobs/*{part}" for part in ALTERNATIVE))
LOGPROBS = (
    f"{CHOICE}/logprobs",
    *(f"{CHOICE}/logprobs/{kind}" for kind in ("content", "refusal")),
    *(f"{CHOICE}/logprobs/{kind}/*{part}" for kind in ("content", "refusal") for part in TOKEN),
)


@on_completion
def choices_left_out(document: dict[str, Any]) -> None:
    del document["choices"]


@on_completion
def choices_empty(document: dict[str, Any]) -> None:
    document["choices"] = []


@on_completion
def choices_an_object(document: dict[str, Any]) -> None:
    document["choices"] = document["choices"][0]


@on_completion
def index_left_out(document: dict[str, Any]) -> None:
    del document["choices"][0]["index"]


@on_completion
def index_from_one(document: dict[str, Any]) -> None:
    for choice in document["choices"]:
        choice["index"] += 1


@on_completion
def choice_too_many(document: dict[str, Any]) -> None:
    document["choices"].append({**document["choices"][0], "index": len(document["choices"])})


@rule(
    id="chat/message/choices",
    level=MUST,
    says="A completion has the choices that were asked for, counted from 0.",
    source=(COMPLETION.at("CreateChatCompletionResponse.choices"), OPENAPI.at("CreateChatCompletionRequest.n")),
    needs=DOCUMENT,
    broken_by=(choices_left_out, choices_empty, choices_an_object, index_left_out, index_from_one, choice_too_many),
)
def choices(answer: View) -> Iterator[Finding]:
    wrong = list(answer.schema_findings("/choices", CHOICE, f"{CHOICE}/index"))
    yield from wrong
    if not wrong:
        found = sorted(choice["index"] for choice in _choices(answer))
        if len(found) != answer.choices_asked or found != list(range(len(found))):
            wanted = f"index 0 to {answer.choices_asked - 1}" if answer.choices_asked > 1 else "one choice, index 0"
            yield answer.finding(wanted, f"index {', '.join(map(str, found[:20]))}", pointer="/choices")


def _choices(answer: View) -> list[dict[str, Any]]:
    document = answer.exchange.document
    found = document.get("choices") if isinstance(document, dict) else None
    return [choice for choice in found if isinstance(choice, dict)] if isinstance(found, list) else []


@on_completion
def delta_for_message(document: dict[str, Any]) -> None:
    for choice in document["choices"]:
        choice["delta"] = choice.pop("message")


@on_completion
def text_for_message(document: dict[str, Any]) -> None:
    """As legacy completions have it."""
    for choice in document["choices"]:
        choice["text"] = choice.pop("message")["content"]


@on_completion
def role_left_out(document: dict[str, Any]) -> None:
    del document["choices"][0]["message"]["role"]


@on_completion
def role_of_the_user(document: dict[str, Any]) -> None:
    document["choices"][0]["message"]["role"] = "user"


@on_completion
def content_left_out(document: dict[str, Any]) -> None:
    del document["choices"][0]["message"]["content"]


@on_completion
def content_in_parts(document: dict[str, Any]) -> None:
    """As requests and Mistral's reasoning models have it."""
    message = document["choices"][0]["message"]
    message["content"] = [{"type": "text", "text": message["content"]}]


@rule(
    id="chat/message/message",
    level=MUST,
    says="Every choice of a completion has a message: role assistant, content text or null.",
    source=(OPENAPI.at("ChatCompletionResponseMessage"),),
    needs=DOCUMENT,
    broken_by=(
        delta_for_message,
        text_for_message,
        role_left_out,
        role_of_the_user,
        content_left_out,
        content_in_parts,
    ),
)
def message(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(MESSAGE, f"{MESSAGE}/role", f"{MESSAGE}/content")


@on_completion
def refusal_left_out(document: dict[str, Any]) -> None:
    """As llama.cpp, SGLang and LiteLLM have it."""
    del document["choices"][0]["message"]["refusal"]


@on_completion
def refusal_false(document: dict[str, Any]) -> None:
    document["choices"][0]["message"]["refusal"] = False


@rule(
    id="chat/message/refusal",
    level=SHOULD,
    says="Every message of a completion has a refusal, which is text or null.",
    source=(OPENAPI.at("ChatCompletionResponseMessage.required"), SUITE.at("no client misses the key")),
    needs=DOCUMENT,
    broken_by=(refusal_left_out, refusal_false),
)
def refusal(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(f"{MESSAGE}/refusal")


@on_completion
def tool_calls_null(document: dict[str, Any]) -> None:
    document["choices"][0]["message"]["tool_calls"] = None


@on_completion
def tool_call_without_id(document: dict[str, Any]) -> None:
    call = {"type": "function", "function": {"name": "get_time", "arguments": "{}"}}
    document["choices"][0]["message"]["tool_calls"] = [call]


@on_completion
def arguments_an_object(document: dict[str, Any]) -> None:
    """As Ollama's own API has it."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": {"zone": "CET"}}}
    document["choices"][0]["message"]["tool_calls"] = [call]


@rule(
    id="chat/message/tool-calls",
    level=SHOULD,
    says="tool_calls of a completion, where it is there, is a list of whole calls.",
    source=(OPENAPI.at("ChatCompletionMessageToolCall"),),
    needs=DOCUMENT,
    broken_by=(tool_calls_null, tool_call_without_id, arguments_an_object),
)
def tool_calls(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(*TOOL_CALLS)


@on_completion
def finish_null(document: dict[str, Any]) -> None:
    document["choices"][0]["finish_reason"] = None


@on_completion
def finish_left_out(document: dict[str, Any]) -> None:
    del document["choices"][0]["finish_reason"]


@on_completion
def finish_of_another_api(document: dict[str, Any]) -> None:
    document["choices"][0]["finish_reason"] = "end_turn"


@rule(
    id="chat/message/finish-reason",
    level=MUST,
    says="Every choice of a completion has a finish_reason that OpenAI knows.",
    source=(COMPLETION.at("CreateChatCompletionResponse.choices.finish_reason"),),
    needs=DOCUMENT,
    broken_by=(finish_null, finish_left_out, finish_of_another_api),
)
def finish_reason(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(f"{CHOICE}/finish_reason")


@on_completion
def logprobs_left_out(document: dict[str, Any]) -> None:
    """As llama.cpp and LiteLLM have it."""
    del document["choices"][0]["logprobs"]


@on_completion
def logprobs_of_legacy_completions(document: dict[str, Any]) -> None:
    document["choices"][0]["logprobs"] = {"tokens": ["1"], "token_logprobs": [-0.1], "text_offset": [0]}


@rule(
    id="chat/message/logprobs",
    level=SHOULD,
    says="Every choice of a completion has logprobs, which are null or as the schema has them.",
    source=(
        COMPLETION.at("CreateChatCompletionResponse.choices.logprobs"),
        SUITE.at("no client misses the key"),
    ),
    needs=DOCUMENT,
    broken_by=(logprobs_left_out, logprobs_of_legacy_completions),
)
def logprobs(answer: View) -> Iterator[Finding]:
    yield from answer.schema_findings(*LOGPROBS)


RULES = (
    choices,
    message,
    refusal,
    tool_calls,
    finish_reason,
    logprobs,
)
