"""What says that chunks of a text completion belong together. Knows nothing of choices."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.rules.chat import identity as chat
from conformance.rules.mutate import Chunk
from conformance.rules.rule import MAY, rule
from conformance.rules.sources import OPENAPI

from .mutate import in_text, on_chunks
from .needs import LASTING, STREAM
from .of_chat import ALWAYS, of_chat

PREFIX = "cmpl-"

id_constant = of_chat(
    chat.id_constant,
    OPENAPI.at("CreateCompletionResponse.id: a unique identifier for the completion"),
    ALWAYS,
    needs=STREAM,
    broken_by=tuple(map(in_text, (chat.new_id_in_each_chunk, chat.other_id_at_the_end, chat.id_of_each_choice))),
    also_breaks=(),
)
id_not_empty = of_chat(chat.id_not_empty, OPENAPI.at("CreateCompletionResponse.id"), ALWAYS, needs=STREAM)
created_constant = of_chat(
    chat.created_constant,
    OPENAPI.at("CreateCompletionResponse.created: when the completion was created"),
    ALWAYS,
    needs=LASTING,
)
model_constant = of_chat(chat.model_constant, OPENAPI.at("CreateCompletionResponse.model"), ALWAYS, needs=STREAM)
model_not_empty = of_chat(chat.model_not_empty, OPENAPI.at("CreateCompletionResponse.model"), ALWAYS, needs=STREAM)
fingerprint_constant = of_chat(
    chat.fingerprint_constant, OPENAPI.at("CreateCompletionResponse.system_fingerprint"), needs=STREAM
)


@on_chunks
def prefix_of_chat(chunks: list[Chunk]) -> list[Chunk]:
    """As llama.cpp has it."""
    return [{**chunk, "id": chunk["id"].replace(PREFIX, "chatcmpl-")} for chunk in chunks]


@rule(
    id="completions/identity/id-prefixed",
    level=MAY,
    says="An id begins with cmpl-.",
    source=(ALWAYS, OPENAPI.at("example of CreateCompletionResponse")),
    needs=STREAM,
    broken_by=(prefix_of_chat,),
)
def id_prefixed(stream: View) -> Iterator[Finding]:
    for value, step in stream.distinct("id"):
        if value and isinstance((step.chunk or {}).get("id"), str) and not str(value).startswith(PREFIX):
            yield stream.finding(f"{PREFIX}...", value, step, pointer="/id")
            return


RULES = (
    id_constant,
    id_not_empty,
    created_constant,
    model_constant,
    model_not_empty,
    fingerprint_constant,
    id_prefixed,
)
