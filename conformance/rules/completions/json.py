"""The text of each message of a text completion as JSON: what holds of chat, and `data: null`.

Knows nothing of what the JSON says.
"""

from conformance.rules.chat import json as chat
from conformance.rules.sources import OPENAPI, issue

from .mutate import in_text
from .needs import STREAM
from .of_chat import ALWAYS, of_chat

RESPONSE = OPENAPI.at("CreateCompletionResponse")

parses = of_chat(chat.parses, RESPONSE, ALWAYS, needs=STREAM, broken_by=chat.parses.broken_by)
one_document = of_chat(chat.one_document, RESPONSE, ALWAYS, needs=STREAM, broken_by=chat.one_document.broken_by)
object_ = of_chat(
    chat.object_,
    RESPONSE,
    ALWAYS,
    needs=STREAM,
    broken_by=chat.object_.broken_by,  # llama.cpp opens with `data: null` where there are two prompts
)
nesting_bounded = of_chat(chat.nesting_bounded, needs=STREAM, broken_by=chat.nesting_bounded.broken_by)
chunk_or_error = of_chat(
    chat.chunk_or_error,
    RESPONSE,
    ALWAYS,
    issue("huggingface/text-generation-inference#2221"),
    needs=STREAM,
    broken_by=chat.chunk_or_error.broken_by,
)
control_characters_escaped = of_chat(
    chat.control_characters_escaped, needs=STREAM, broken_by=chat.control_characters_escaped.broken_by
)
numbers_finite = of_chat(chat.numbers_finite, needs=STREAM, broken_by=(chat.not_a_number, chat.infinite))
surrogates_paired = of_chat(
    chat.surrogates_paired, needs=STREAM, broken_by=(in_text(chat.pair_split_over_chunks), chat.half_a_pair)
)
keys_unique = of_chat(chat.keys_unique, needs=STREAM, broken_by=(chat.model_twice, chat.same_key_spelled_otherwise))

RULES = (
    parses,
    one_document,
    object_,
    nesting_bounded,
    chunk_or_error,
    control_characters_escaped,
    numbers_finite,
    surrogates_paired,
    keys_unique,
)
