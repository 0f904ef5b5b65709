"""Mistral's own service (La Plateforme)."""

from .dialect import FAIR, NAMED, STRONG, Clue, Dialect, Tolerance

MODELS = "https://github.com/mistralai/client-python/blob/main/docs/models"
SEEN = "12 recordings of 2024 and 2025"
USAGE = "usage is a member of the chunk and always comes with the finish_reason; there is no stream_options"

MISTRAL = Dialect(
    "mistral",
    "Mistral: usage with the finish_reason, whole tool calls, content that may be an array",
    (
        *(
            Tolerance(rule=rule, reason=USAGE, link=f"{MODELS}/completionchunk.md", seen=SEEN)
            for rule in (
                "chat/usage/only-when-asked",
                "chat/usage/not-for-empty-options",
                "chat/usage/without-choices",
            )
        ),
        Tolerance(
            rule="chat/delta/content-text",
            got='[[]{"type": *',
            reason="content is a text or an array of chunks: thinking models send their thoughts as one",
            link=f"{MODELS}/deltamessagecontent.md",
            seen="a recording of 2025",
        ),
        Tolerance(
            rule="chat/delta/tool-call-index",
            got="no such member*",
            reason="the index of a call is optional",
            link=f"{MODELS}/toolcall.md",
            seen="2 recordings of 2024",
        ),
        Tolerance(
            rule="chat/content/finish-carries-none",
            got='[[]{"id": *',
            reason="calls come whole, with the finish_reason",
            link="https://docs.mistral.ai/capabilities/function_calling",
            seen="2 recordings of 2024",
        ),
        Tolerance(
            rule="chat/choice/finish-reason-known",
            got='"error"*',
            reason="error is declared as a finish_reason",
            link=f"{MODELS}/completionresponsestreamchoicefinishreason.md",
            seen="documentation of 2026",
        ),
    ),
    (
        Clue(r"header mistral-[a-z-]+: .*", NAMED, "a header of Mistral's"),
        Clue(r'/p = "(a(bc?)?|abcd[a-z0-9]*)"', STRONG, "padding of the alphabet, named p"),
        Clue(
            r'/model = "(open-mi[sx]tral|mistral|ministral|codestral|magistral|pixtral|devstral|voxtral)-[^"/]*"',
            FAIR,
            "a model of Mistral's by its short name",
        ),
        Clue(r'/choices/\*/delta/content/\*/type = "thinking"', FAIR, "thinking as content"),
        Clue(r'/id = "[0-9a-f]{32}"', FAIR, "an id in bare hexadecimal digits"),
        Clue(r'/choices/\*/delta/tool_calls/\*/id = "[A-Za-z0-9]{9}"', FAIR, "a call id of nine characters"),
    ),
)
