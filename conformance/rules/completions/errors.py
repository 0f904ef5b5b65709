"""Errors inside a stream of text completions: they look as they do inside a chat stream."""

from conformance.rules.chat import errors as chat
from conformance.rules.mutate import on_messages

from .mutate import in_text
from .needs import READ_ALL, STREAM
from .of_chat import of_chat

under_error = of_chat(chat.under_error, needs=STREAM)
is_object = of_chat(chat.is_object, needs=STREAM)
message = of_chat(chat.message, needs=STREAM)
has_type = of_chat(chat.has_type, needs=STREAM)
code_and_param = of_chat(chat.code_and_param, needs=STREAM)


@on_messages
def goes_on_after(messages: list[str]) -> list[str]:
    """The error is one message among others, as from text-generation-inference."""
    return [messages[0], chat.ERROR, *messages[1:]]


nothing_follows = of_chat(
    chat.nothing_follows,
    needs=READ_ALL,
    broken_by=(goes_on_after, chat.finishes_after, in_text(chat.text_after)),
)
once = of_chat(chat.once, needs=READ_ALL)
not_first = of_chat(chat.not_first, needs=STREAM)
no_stack_trace = of_chat(chat.no_stack_trace, needs=STREAM)

RULES = (
    under_error,
    is_object,
    message,
    has_type,
    code_and_param,
    nothing_follows,
    once,
    not_first,
    no_stack_trace,
)
