"""Who speaks: the role of each choice. Knows nothing of what is said."""

from collections.abc import Iterator

from conformance.protocols.chat.states import State
from conformance.protocols.chat.view import Choice, View
from conformance.protocols.exchange import Step
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import Chunk, on_chunks, on_each_choice
from conformance.rules.needs import STREAM
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue

ROLES = ("developer", "system", "user", "assistant", "tool")
"""Roles that there are; any other is a matter of `delta`."""


@on_each_choice
def left_out(choice: Chunk) -> None:
    choice["delta"].pop("role", None)


@on_chunks
def role_chunk_left_out(chunks: list[Chunk]) -> list[Chunk]:
    return [c for c in chunks if not any("role" in choice["delta"] for choice in c["choices"])]


@on_chunks
def comes_with_the_finish(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["delta"].pop("role", None)
            if choice["finish_reason"]:
                choice["delta"]["role"] = "assistant"
    return chunks


@on_chunks
def of_the_first_choice_only(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["index"] > 0:
                choice["delta"].pop("role", None)
    return chunks


@rule(
    id="chat/role/sent-first",
    level=MUST,
    says="Each choice has its role before or with its first content.",
    source=(
        OBSERVED.at("109 of 109"),
        CLIENTS.at("scenario 05: the helper of openai-node raises missing role, that of openai-python gives none"),
        issue("tensorzero/tensorzero#1265"),
        issue("router-for-me/CLIProxyAPI#530"),
    ),
    needs=STREAM,
    broken_by=(left_out, role_chunk_left_out, comes_with_the_finish, of_the_first_choice_only),
)
def sent_first(stream: View) -> Iterator[Finding]:
    if stream.unreadable or stream.misnumbered:
        return
    for choice in stream.choices.values():
        if _is_empty(choice):
            continue
        if not choice.roles and (choice.first_payload or stream.completed):
            yield stream.finding(
                "role assistant at the latest with the first content",
                f"no role for choice {choice.index}",
                choice.first_payload or choice.first,
            )
        elif choice.roles and choice.first_payload and choice.roles[0].number > choice.first_payload.number:
            yield stream.finding(
                "role assistant at the latest with the first content",
                f"content of choice {choice.index}; its role comes in message {choice.roles[0].number}",
                choice.first_payload,
            )


def _is_empty(choice: Choice) -> bool:
    """A role without a name: what roles there are is a matter of `delta`."""
    entries = (choice.first.chunk or {})["choices"]
    return any(entry["index"] == choice.index and entry["delta"].get("role") == "" for entry in entries)


@on_each_choice
def on_every_chunk(choice: Chunk) -> None:
    choice["delta"]["role"] = "assistant"


@on_chunks
def again_with_the_finish(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            if choice["finish_reason"]:
                choice["delta"]["role"] = "assistant"
    return chunks


@rule(
    id="chat/role/sent-once",
    level=SHOULD,
    says="The role of a choice is sent once.",
    source=(
        CLIENTS.at("scenario 06: the helper of openai-python makes assistantassistantassistant of it"),
        OBSERVED.at("109 of 109"),
        issue("ModelTC/LightLLM#1262"),
        issue("foundry-model-stack/fms-guardrails-orchestrator#431"),
    ),
    needs=STREAM,
    broken_by=(on_every_chunk, again_with_the_finish),
)
def sent_once(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        again = _again(choice)
        if again:
            more = f" (and {len(again) - 1} more times)" if len(again) > 1 else ""
            got = f"the role of choice {choice.index} again{more}"
            yield stream.finding(f"no role after message {choice.roles[0].number}", got, again[0])
            return


def _again(choice: Choice) -> list[Step]:
    """Roles after the first one; what follows the finish or [DONE] is a matter of `order` or `termination`."""
    end = choice.finishes[0][0].number if choice.finishes else None
    return [s for s in choice.roles[1:] if s.before is not State.DONE and (end is None or s.number <= end)]


@on_each_choice
def speaks_as_the_user(choice: Chunk) -> None:
    if "role" in choice["delta"]:
        choice["delta"]["role"] = "user"


@on_each_choice
def speaks_as_the_system(choice: Chunk) -> None:
    if "role" in choice["delta"]:
        choice["delta"]["role"] = "system"


@rule(
    id="chat/role/assistant",
    level=MUST,
    says="The role of an answer is assistant.",
    source=(
        OPENAPI.at("ChatCompletionStreamResponseDelta.role"),
        OBSERVED.at("109 of 109"),
        CLIENTS.at("scenario 86: openai-node and the AI SDK refuse the role user"),
    ),
    needs=STREAM,
    broken_by=(speaks_as_the_user, speaks_as_the_system),
)
def assistant(stream: View) -> Iterator[Finding]:
    for choice in stream.choices.values():
        for step in choice.roles:
            role = _role_of(choice.index, step)
            if role != "assistant" and role in ROLES:
                yield stream.finding('"assistant"', show(role), step)
                return


def _role_of(index: int, step: Step) -> object:
    choices = (step.chunk or {})["choices"]
    return next((c["delta"]["role"] for c in choices if c["index"] == index and c["delta"].get("role")), None)


RULES = (sent_first, sent_once, assistant)
