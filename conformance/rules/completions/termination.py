"""How a stream of text completions ends: as a chat stream does."""

from conformance.rules.chat import termination as chat
from conformance.rules.sources import OPENAPI, issue

from .mutate import in_text
from .needs import READ_ALL, TIMED
from .of_chat import ALWAYS, of_chat

STREAM = OPENAPI.at("CreateCompletionRequest.stream: terminated by a data: [DONE] message")

done_sent = of_chat(
    chat.done_sent,
    STREAM,
    ALWAYS,
    issue("huggingface/text-generation-inference#2221"),
    needs=READ_ALL,
    broken_by=chat.done_sent.broken_by,
)
done_once = of_chat(chat.done_once, STREAM, ALWAYS, needs=READ_ALL, broken_by=chat.done_once.broken_by)
nothing_after_done = of_chat(
    chat.nothing_after_done, STREAM, ALWAYS, needs=READ_ALL, broken_by=chat.nothing_after_done.broken_by
)
done_exact = of_chat(chat.done_exact, needs=READ_ALL, broken_by=chat.done_exact.broken_by)
finish_before_done = of_chat(
    chat.finish_before_done,
    OPENAPI.at("CreateCompletionResponse.choices.finish_reason"),
    ALWAYS,
    needs=READ_ALL,
    broken_by=(in_text(chat.finish_chunk_left_out),),
)
body_ends_soon = of_chat(chat.body_ends_soon, needs=TIMED, broken_by=chat.body_ends_soon.broken_by)
ends = of_chat(chat.ends, needs=READ_ALL, broken_by=chat.ends.broken_by)

RULES = (
    done_sent,
    done_once,
    nothing_after_done,
    done_exact,
    finish_before_done,
    body_ends_soon,
    ends,
)
