"""The pieces in which a text completion comes. Knows nothing of what the text means, nor of limits."""

from conformance.rules.chat import content as chat
from conformance.rules.sources import CLIENTS, OPENAPI, SUITE

from .needs import READ_ALL, STREAM
from .of_chat import ALWAYS, LIMIT_KEPT, OFFSETS, SAME_TEXT, TOKENS, of_chat

PARTS = OPENAPI.at("CreateCompletionRequest.stream: whether to stream back partial progress")

incremental = of_chat(
    chat.incremental,
    PARTS,
    ALWAYS,
    needs=STREAM,
    says="A chunk carries new text, not the text so far.",
    also_breaks=(SAME_TEXT, LIMIT_KEPT, TOKENS, "completions/echo/once"),
)
whole_text_once = of_chat(
    chat.whole_text_once,
    PARTS,
    CLIENTS.at("scenario 93: clients put together whatever comes"),
    needs=READ_ALL,
    says="The last chunk does not repeat the whole text.",
    also_breaks=(SAME_TEXT, LIMIT_KEPT, OFFSETS, TOKENS),
)
in_pieces = of_chat(chat.in_pieces, PARTS, SUITE.at(f"{chat.LONG} characters"), needs=READ_ALL)

RULES = (incremental, whole_text_once, in_pieces)
