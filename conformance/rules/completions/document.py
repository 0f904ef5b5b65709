"""The answer to a request for a text completion without stream: one JSON document of the shape of a chunk."""

from conformance.rules.chat import document as chat
from conformance.rules.sources import OPENAPI, SUITE

from .mutate import in_text
from .needs import DOCUMENT, DOCUMENT_ASKED
from .of_chat import of_chat

RESPONSE = OPENAPI.at("CreateCompletionResponse")

one_document = of_chat(
    chat.one_document, OPENAPI.at("CreateCompletionRequest.stream: default false"), needs=DOCUMENT_ASKED
)
no_error = of_chat(chat.no_error, needs=DOCUMENT_ASKED)
object_name = of_chat(
    chat.object_name,
    RESPONSE,
    needs=DOCUMENT,
    says="The object of a text completion is text_completion.",
    broken_by=(in_text(chat.object_left_out),),
)
identity = of_chat(chat.identity, RESPONSE, needs=DOCUMENT)
usage = of_chat(
    chat.usage, OPENAPI.at("CreateCompletionResponse.usage"), SUITE.at("users are billed by it"), needs=DOCUMENT
)
usage_counts = of_chat(
    chat.usage_counts,
    OPENAPI.at("CompletionUsage"),
    needs=DOCUMENT,
    broken_by=(in_text(chat.count_as_text), in_text(chat.total_left_out)),
)
usage_adds_up = of_chat(
    chat.usage_adds_up, OPENAPI.at("CompletionUsage.total_tokens: prompt + completion"), needs=DOCUMENT
)

RULES = (one_document, no_error, object_name, identity, usage, usage_counts, usage_adds_up)
