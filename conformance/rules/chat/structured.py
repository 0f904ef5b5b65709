"""JSON in the reply, where response_format asks for it. Knows nothing of tools, whose arguments are JSON too.

A reply that was cut, refused or filtered need not be JSON; one that ends with stop is.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from conformance.protocols.chat.view import Choice, View
from conformance.protocols.finding import Finding, show
from conformance.protocols.fitting import misfits
from conformance.protocols.payload import parse
from conformance.rules.chat.content import REFUSAL, pointer_to
from conformance.rules.chat.document import on_completion
from conformance.rules.chat.extra_needs import (
    JSON_ASKED,
    JSON_CUT,
    JSON_IMPOSSIBLE,
    JSON_OBJECT,
    JSON_SCHEMA,
    JSON_TWIN,
    schema_of,
)
from conformance.rules.chat.refusals import answered_with_a_stream, server_error
from conformance.rules.chat.text import CONTROL, REPLACED
from conformance.rules.mutate import Chunk, Mutant, finish_as, on_chunks, say, spoken, text_of
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue

FENCE = re.compile(r"\s*```\w*\s*(.*?)\s*(?:```\s*)?\Z", re.DOTALL)
BLANK = 200
"""White space in a row that no JSON needs."""
RUN = re.compile(rf"\s{{{BLANK},}}")
LONGEST = 1024 * 1024
"""Characters of a reply beyond which it is not read as JSON."""


def _finished(stream: View) -> Iterator[Choice]:
    """Choices that ended by themselves, with all their text, and text is what they have."""
    if not stream.completed or REFUSAL.search(stream.exchange.body):
        return
    for choice in stream.choices.values():
        if choice.late:
            continue
        if choice.finish == "stop" and len(choice.text) <= LONGEST and (choice.texts or choice.first_payload is None):
            yield choice


def _plain(text: str) -> str:
    """The text without what other rules complain of: control tokens and halves of characters at its end."""
    return CONTROL.sub("", text).rstrip(REPLACED)


def _is_fenced(text: str) -> bool:
    return text.lstrip().startswith("```")


def _read(text: str) -> tuple[bool, Any]:
    """Whether a text is one JSON value, and that value."""
    value, flaw = parse(_plain(text))
    return flaw is None, value


def on_reply(change: Callable[[str], str]) -> Mutant:
    """Lift a change of the whole text of choice 0, which then comes in two pieces."""

    def change_text(chunks: list[Chunk]) -> list[Chunk]:
        said = spoken(chunks)
        changed = change("".join(map(text_of, said)))
        if len(said) < 2 or not changed:
            return chunks
        for chunk, text in zip(said, (changed[: len(changed) // 2], changed[len(changed) // 2 :]), strict=False):
            chunk["choices"][0]["delta"]["content"] = text
        return [chunk for chunk in chunks if not any(chunk is late for late in said[2:])]

    change_text.__name__, change_text.__doc__ = change.__name__, change.__doc__
    return on_chunks(change_text)


def on_value(change: Callable[[Any], Any]) -> Mutant:
    """Lift a change of the JSON value that the text of choice 0 is; a text that is none stays as it is."""

    def change_text(text: str) -> str:
        try:
            return json.dumps(change(json.loads(text)))
        except ValueError:
            return text

    change_text.__name__, change_text.__doc__ = change.__name__, change.__doc__
    return on_reply(change_text)


@on_reply
def words(_text: str) -> str:
    """Nobody looks at response_format."""
    return "Sure! Ada is 36 years old and calm."


@on_reply
def last_brace_lost(text: str) -> str:
    return text[:-1]


@on_reply
def brace_doubled(text: str) -> str:
    return text + "}"


@on_reply
def sent_twice_over(text: str) -> str:
    """The value is generated again, as grammars do that do not know when to stop."""
    return f"{text}\n{text.replace('A', 'B')}"


@on_value
def in_an_array(value: Any) -> Any:
    return [value]


@rule(
    id="chat/structured/json",
    level=MUST,
    says="With response_format json_object the reply is one JSON object.",
    source=(
        OPENAPI.at("ResponseFormatJsonObject: the model generates valid JSON"),
        SUITE.at("a reply that ended with stop"),
    ),
    needs=JSON_OBJECT,
    broken_by=(words, last_brace_lost, brace_doubled, sent_twice_over, in_an_array),
    ignored="response_format",
)
def json_(stream: View) -> Iterator[Finding]:
    for choice in _finished(stream):
        is_json, value = _read(choice.text)
        if _is_fenced(choice.text) or (is_json and isinstance(value, dict)):
            continue
        yield stream.finding("one JSON object", show(choice.text), choice.finishes[0][0])


@on_value
def member_left_out(value: Any) -> Any:
    return dict(list(value.items())[:-1]) if isinstance(value, dict) else value


@on_value
def member_not_asked_for(value: Any) -> Any:
    return {**value, "note": "made up"} if isinstance(value, dict) else value


@on_value
def numbers_as_text(value: Any) -> Any:
    return json.loads(re.sub(r"(?<=[:\[ ])(\d+)(?=[,\]}])", r'"\1"', json.dumps(value)))


@on_value
def other_members(value: Any) -> Any:
    """json_schema is taken for json_object."""
    return {"answer": list(value)} if isinstance(value, dict) else value


@rule(
    id="chat/structured/schema",
    level=MUST,
    says="With a json_schema the reply is one JSON value that fits it.",
    source=(
        OPENAPI.at("ResponseFormatJsonSchema: always follow the exact schema defined in the schema field"),
        SUITE.at("a reply that ended with stop"),
    ),
    needs=JSON_SCHEMA,
    broken_by=(
        words,
        last_brace_lost,
        sent_twice_over,
        member_left_out,
        member_not_asked_for,
        numbers_as_text,
        other_members,
    ),
    ignored="response_format",
)
def schema(stream: View) -> Iterator[Finding]:
    for choice in _finished(stream):
        if not _is_fenced(choice.text):
            wanted, got = _misfit(choice.text, schema_of(stream.exchange))
            if wanted:
                yield stream.finding(wanted, got, choice.finishes[0][0])


def _misfit(text: str, wanted: object) -> tuple[str, str]:
    """What was wanted and what there is; "" and "" where the text fits."""
    is_json, value = _read(text)
    if not is_json:
        return "JSON that fits the schema", show(text)
    if found := misfits(value, wanted):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return "a value that fits the schema", f"{show(found[0].says)} at {found[0].pointer or 'the top'}{more}"
    return "", ""


@on_reply
def fenced(text: str) -> str:
    return f"```json\n{text}\n```"


@on_reply
def fence_left_open(text: str) -> str:
    """The fence is begun, and the closing one is a stop sequence."""
    return f"```\n{text}"


@rule(
    id="chat/structured/no-fence",
    level=MUST,
    says="JSON that was asked for comes without a Markdown fence around it.",
    source=(
        OPENAPI.at("ResponseFormatJsonObject, ResponseFormatJsonSchema: the reply is JSON"),
        SUITE.at("clients hand the reply to a JSON parser"),
    ),
    needs=JSON_ASKED,
    broken_by=(fenced, fence_left_open),
)
def no_fence(stream: View) -> Iterator[Finding]:
    for choice in _finished(stream):
        if _is_fenced(choice.text) and (inside := FENCE.match(choice.text)):
            step = choice.texts[0][0]
            wanted = f"{show(inside.group(1), 60)} alone"
            yield stream.finding(wanted, show(choice.text), step, pointer=pointer_to(step, choice.index))


@on_chunks
def cut_called_stop(chunks: list[Chunk]) -> list[Chunk]:
    return finish_as(chunks, "stop")


@rule(
    id="chat/structured/cut-finishes-with-length",
    level=SHOULD,
    says="JSON that max_tokens cut short has the finish_reason length.",
    source=(
        OPENAPI.at("finish_reason: length if the maximum number of tokens specified in the request was reached"),
        issue("UKGovernmentBEIS/inspect_ai#4552"),
    ),
    needs=JSON_CUT,
    broken_by=(cut_called_stop,),
)
def cut_finishes_with_length(stream: View) -> Iterator[Finding]:
    for choice in _finished(stream):
        if choice.texts and not _read(choice.text)[0] and choice.text.lstrip()[:1] in ("{", "["):
            yield stream.finding("finish_reason length", f"stop, after {show(choice.text)}", choice.finishes[0][0])


@on_chunks
def white_space_without_end(chunks: list[Chunk]) -> list[Chunk]:
    """The grammar allows white space behind the value, and the model likes it."""
    return say(chunks, *["\n    "] * BLANK)


@on_chunks
def blanks_in_one_piece(chunks: list[Chunk]) -> list[Chunk]:
    return say(chunks, " " * BLANK)


@rule(
    id="chat/structured/no-runaway-blanks",
    level=SHOULD,
    says="JSON that was asked for does not run away in white space.",
    source=(SUITE.at(f"{BLANK} characters of white space in a row"),),
    needs=JSON_ASKED,
    broken_by=(white_space_without_end, blanks_in_one_piece),
)
def no_runaway_blanks(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        if run := RUN.search(choice.text):
            step = choice.step_at(run.start())
            got = f"{run.end() - run.start()} characters of white space"
            yield stream.finding("JSON", got, step, pointer=pointer_to(step, choice.index))


@rule(
    id="chat/structured/impossible-refused",
    level=MUST,
    says="A json_schema that is no JSON Schema is refused with a status of 400 to 499.",
    source=(
        OPENAPI.at("ResponseFormatJsonSchemaSchema: the schema for the response format, described as a JSON Schema"),
        SUITE.at("a type that does not exist"),
    ),
    needs=JSON_IMPOSSIBLE,
    broken_by=(answered_with_a_stream, server_error),
    ignored="response_format",
)
def impossible_refused(stream: View) -> Iterator[Finding]:
    """An error inside a stream of status 200 is late, and another rule's business."""
    status = stream.exchange.status
    if (status < 400 and not stream.errors) or status == 500:
        yield stream.finding("status 400", f"status {status} for the schema {show(schema_of(stream.exchange))}")


@on_completion
def document_in_words(document: dict[str, Any]) -> None:
    document["choices"][0]["message"]["content"] = "Ada is 36 years old and calm."


@on_completion
def document_fenced(document: dict[str, Any]) -> None:
    message = document["choices"][0]["message"]
    message["content"] = f"```json\n{message['content']}\n```"


@on_completion
def document_without_a_member(document: dict[str, Any]) -> None:
    message = document["choices"][0]["message"]
    is_json, value = _read(message.get("content") or "")
    if not is_json or not isinstance(value, dict):
        return
    message["content"] = json.dumps(dict(list(value.items())[1:]))


@rule(
    id="chat/structured/not-streamed-too",
    level=MUST,
    says="The same request not streamed keeps its json_schema too.",
    source=(OPENAPI.at("ResponseFormatJsonSchema"), SUITE.at("one schema, one grammar, two ways to answer")),
    needs=JSON_TWIN,
    broken_by=(document_in_words, document_fenced, document_without_a_member),
    ignored="response_format",
)
def not_streamed_too(stream: View) -> Iterator[Finding]:
    document: Any = stream.exchange.beside.document if stream.exchange.beside else None
    choices = document.get("choices") if isinstance(document, dict) else None
    for entry in choices if isinstance(choices, list) else ():
        message = entry.get("message") if isinstance(entry, dict) else None
        text = message.get("content") if isinstance(message, dict) else None
        if isinstance(text, str) and entry.get("finish_reason") == "stop" and len(text) <= LONGEST:
            wanted, got = _misfit(text, schema_of(stream.exchange))
            if wanted:
                yield stream.finding(f"{wanted}, not streamed", got)


RULES = (
    json_,
    schema,
    no_fence,
    cut_finishes_with_length,
    no_runaway_blanks,
    impossible_refused,
    not_streamed_too,
)
