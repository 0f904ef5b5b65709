"""The members of a choice of a text completion, each for itself. Knows neither their order nor what logprobs hold."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.rules.chat import choice as chat
from conformance.rules.mutate import Chunk
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

from .mutate import on_chunks, on_each_choice
from .needs import NO_LOGPROBS, STREAM
from .of_chat import ALWAYS, of_chat

REQUIRED = OPENAPI.at("CreateCompletionResponse.choices.items.required")
MISPLACED = ("delta", "message")
"""Where chat holds what a text completion holds in `text`."""

object_ = of_chat(chat.object_, OPENAPI.at("CreateCompletionResponse.choices.items"), ALWAYS, needs=STREAM)
index_integer = of_chat(chat.index_integer, REQUIRED, ALWAYS, needs=STREAM)
finish_reason_present = of_chat(
    chat.finish_reason_present, REQUIRED, ALWAYS, issue("vllm-project/vllm#19650"), needs=STREAM
)
finish_reason_known = of_chat(
    chat.finish_reason_known,
    OPENAPI.at("CreateCompletionResponse.choices.finish_reason, with the null that it leaves out"),
    ALWAYS,
    needs=STREAM,
    says="A finish_reason is stop, length, content_filter or null.",
)


@on_each_choice
def text_null_at_the_finish(choice: Chunk) -> None:
    if choice["finish_reason"]:
        choice["text"] = None


@on_each_choice
def text_left_out_at_the_finish(choice: Chunk) -> None:
    if choice["finish_reason"]:
        del choice["text"]


@on_each_choice
def delta_for_text(choice: Chunk) -> None:
    """The chunks of chat under the name of text completions."""
    choice["delta"] = {"content": choice.pop("text")}


@on_each_choice
def text_in_a_list(choice: Chunk) -> None:
    choice["text"] = [choice["text"]]


@rule(
    id="completions/choice/text-string",
    level=MUST,
    says="Every choice has a text, a string, be it empty.",
    source=(REQUIRED, ALWAYS),
    needs=STREAM,
    broken_by=(text_null_at_the_finish, text_left_out_at_the_finish, delta_for_text, text_in_a_list),
)
def text_string(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/text")


@on_each_choice
def delta_beside_text(choice: Chunk) -> None:
    choice["delta"] = {"content": choice["text"]}


@on_each_choice
def message_beside_text(choice: Chunk) -> None:
    choice["message"] = {"role": "assistant", "content": choice["text"]}


@rule(
    id="completions/choice/text-alone",
    level=SHOULD,
    says="A choice of a text completion has no delta and no message beside its text.",
    source=(SUITE.at("clients that serve both protocols read the text twice"), ALWAYS),
    needs=STREAM,
    broken_by=(delta_beside_text, message_beside_text),
)
def text_alone(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if any(f'"{name}"'.encode() in body for name in MISPLACED):
        steps = [s for s in stream.chunks if _misplaced(s.chunk)]
        yield from stream.first_of(steps, "a choice with text alone", lambda s: f"{_misplaced(s.chunk)} beside text")


def _misplaced(chunk: Chunk | None) -> str:
    """The first member of a choice that has no business beside its text, "" where there is none."""
    choices = (chunk or {}).get("choices")
    for choice in choices if isinstance(choices, list) else []:
        for name in MISPLACED:
            if isinstance(choice, dict) and "text" in choice and name in choice:
                return name
    return ""


@on_each_choice
def logprobs_left_out(choice: Chunk) -> None:
    """As GuideLLM's mock server has it."""
    del choice["logprobs"]


@on_chunks
def logprobs_left_out_once(chunks: list[Chunk]) -> list[Chunk]:
    for choice in chunks[0]["choices"]:
        del choice["logprobs"]
    return chunks


@rule(
    id="completions/choice/logprobs-present",
    level=MUST,
    says="Every choice has logprobs, null where they were not asked for.",
    source=(REQUIRED, ALWAYS),
    needs=NO_LOGPROBS,
    broken_by=(logprobs_left_out, logprobs_left_out_once),
)
def logprobs_present(stream: View) -> Iterator[Finding]:
    yield from stream.schema_findings("/choices/*/logprobs", where=chat.is_absent)


RULES = (
    object_,
    index_integer,
    text_string,
    text_alone,
    finish_reason_present,
    finish_reason_known,
    logprobs_present,
)
