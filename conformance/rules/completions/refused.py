"""What the refusal of a request for a text completion says: what any refusal says."""

from conformance.rules.chat import refused as chat

from .needs import REFUSED
from .of_chat import of_chat

is_json = of_chat(chat.is_json, needs=REFUSED, broken_by=chat.is_json.broken_by)
not_a_stream = of_chat(chat.not_a_stream, needs=REFUSED, broken_by=chat.not_a_stream.broken_by)
error_object = of_chat(chat.error_object, needs=REFUSED, broken_by=chat.error_object.broken_by)
message = of_chat(chat.message, needs=REFUSED, broken_by=chat.message.broken_by)
has_type = of_chat(chat.has_type, needs=REFUSED, broken_by=chat.has_type.broken_by)
param = of_chat(chat.param, needs=REFUSED, broken_by=chat.param.broken_by)
code = of_chat(chat.code, needs=REFUSED, broken_by=chat.code.broken_by)
no_stack_trace = of_chat(chat.no_stack_trace, needs=REFUSED, broken_by=chat.no_stack_trace.broken_by)

RULES = (is_json, not_a_stream, error_object, message, has_type, param, code, no_stack_trace)
