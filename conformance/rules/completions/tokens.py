"""The numbers in the usage of a text completion. Knows nothing of where usage comes."""

from conformance.rules.chat import tokens as chat
from conformance.rules.sources import OPENAPI, issue

from .needs import STREAM
from .of_chat import of_chat

add_up = of_chat(
    chat.add_up,
    OPENAPI.at("CompletionUsage.total_tokens: prompt + completion"),
    issue("vllm-project/vllm#9028"),
    needs=STREAM,
)
prompt_counted = of_chat(chat.prompt_counted, OPENAPI.at("CompletionUsage.prompt_tokens"), needs=STREAM)
reply_counted = of_chat(
    chat.reply_counted,
    OPENAPI.at("include_usage: the token usage statistics for the entire request"),
    needs=STREAM,
    says="completion_tokens covers the chunks of all choices.",
)

RULES = (add_up, prompt_counted, reply_counted)
