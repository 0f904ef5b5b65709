"""The same text completion streamed and not streamed: both say the same. Knows nothing of either answer by itself."""

from conformance.rules.chat import twin as chat
from conformance.rules.sources import OPENAPI, SUITE

from .needs import TWIN
from .of_chat import of_chat

same_text = of_chat(
    chat.same_text,
    OPENAPI.at("CreateCompletionRequest.stream: whether to stream back partial progress"),
    chat.DETERMINISTIC,
    needs=TWIN,
    says="The texts put together are the text of the same request not streamed.",
)
same_finish_reason = of_chat(
    chat.same_finish_reason,
    OPENAPI.at("CreateCompletionResponse.choices.finish_reason"),
    chat.DETERMINISTIC,
    needs=TWIN,
)
same_usage = of_chat(chat.same_usage, OPENAPI.at("CompletionUsage"), chat.DETERMINISTIC, needs=TWIN)
same_model = of_chat(
    chat.same_model, OPENAPI.at("CreateCompletionResponse.model"), SUITE.at("one request, one model"), needs=TWIN
)

RULES = (same_text, same_finish_reason, same_usage, same_model)
