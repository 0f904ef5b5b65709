"""The members of a chunk of a text completion, each for itself. Knows nothing of what is inside a choice."""

from conformance.rules.chat import envelope as chat
from conformance.rules.sources import CLIENTS, OPENAPI

from .mutate import in_text
from .needs import STREAM
from .of_chat import ALWAYS, of_chat

REQUIRED = OPENAPI.at("CreateCompletionResponse.required")

id_string = of_chat(chat.id_string, REQUIRED, ALWAYS, needs=STREAM)
object_named = of_chat(
    chat.object_named,
    OPENAPI.at("CreateCompletionResponse.object"),
    ALWAYS,
    needs=STREAM,
    says="The object of every chunk is text_completion.",
    broken_by=tuple(
        in_text(mutant)
        for mutant in chat.object_named.broken_by
        if mutant not in (chat.object_of_a_text_completion, chat.object_of_a_document)
    ),
)
created_integer = of_chat(chat.created_integer, REQUIRED, ALWAYS, needs=STREAM)
created_in_seconds = of_chat(
    chat.created_in_seconds, OPENAPI.at("CreateCompletionResponse.created: in seconds"), ALWAYS, needs=STREAM
)
model_string = of_chat(chat.model_string, REQUIRED, ALWAYS, needs=STREAM)
fingerprint_string = of_chat(
    chat.fingerprint_string, OPENAPI.at("CreateCompletionResponse.system_fingerprint"), needs=STREAM
)
choices_array = of_chat(chat.choices_array, REQUIRED, ALWAYS, needs=STREAM)
error_left_out = of_chat(
    chat.error_left_out, CLIENTS.at("finding 9: the AI SDK takes error null for an error"), ALWAYS, needs=STREAM
)
usage_counts = of_chat(
    chat.usage_counts,
    OPENAPI.at("CompletionUsage.required"),
    needs=STREAM,
    broken_by=tuple(
        in_text(mutant) for mutant in (chat.count_as_text, chat.count_null, chat.total_left_out, chat.usage_in_a_list)
    ),
)

RULES = (
    id_string,
    object_named,
    created_integer,
    created_in_seconds,
    model_string,
    fingerprint_string,
    choices_array,
    error_left_out,
    usage_counts,
)
