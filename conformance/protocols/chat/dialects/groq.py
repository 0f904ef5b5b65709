"""Groq: its own members come under x_groq."""

from .dialect import FAIR, NAMED, STRONG, WEAK, Clue, Dialect, Tolerance

CHUNK = "https://github.com/groq/groq-python/blob/main/src/groq/types/chat/chat_completion_chunk.py"
USAGE = "the final chunk always brings x_groq.usage, and since 2026 the same object as usage"

GROQ = Dialect(
    "groq",
    "Groq: x_groq in the first and the final chunk, with usage in the final one",
    tuple(
        Tolerance(rule=rule, message="/x_groq/usage/*", reason=USAGE, link=CHUNK, seen="3 recordings of February 2026")
        for rule in ("chat/usage/only-when-asked", "chat/usage/not-for-empty-options")
    ),
    (
        Clue(r"/x_groq/.*", NAMED, "x_groq"),
        Clue(r"header x-groq-[a-z-]+: .*", NAMED, "a header of Groq's"),
        Clue(r"/usage/queue_time = .*", STRONG, "queue_time in usage"),
        Clue(r"/error/failed_generation = .*", STRONG, "failed_generation in an error"),
        Clue(r'/service_tier = "on_demand"', FAIR, "a service tier of Groq's"),
        Clue(r'/model = "groq/[^"]+"', FAIR, "a model of Groq's"),
        Clue(r"/choices/\*/delta/channel = .*", WEAK, "a channel of reasoning"),
    ),
)
