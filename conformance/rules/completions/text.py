"""Text of a completion as characters: none cut in two, none misread, none that belongs to the model's own markup."""

from conformance.rules.chat import text as chat

from .needs import STREAM
from .of_chat import OFFSETS, SAME_TEXT, TOKENS, of_chat

no_half_characters = of_chat(
    chat.no_half_characters,
    needs=STREAM,
    says="No chunk carries U+FFFD, which stands for a character cut in two.",
    also_breaks=(SAME_TEXT, OFFSETS),
)
utf_8_encoded_once = of_chat(chat.utf_8_encoded_once, needs=STREAM)
no_control_tokens = of_chat(chat.no_control_tokens, needs=STREAM, also_breaks=(SAME_TEXT, OFFSETS, TOKENS))

RULES = (no_half_characters, utf_8_encoded_once, no_control_tokens)
