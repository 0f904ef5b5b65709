"""Azure OpenAI: OpenAI's models behind content filters, whose results come in messages of their own."""

from .dialect import NAMED, STRONG, Clue, Dialect, Tolerance

LINK = "https://learn.microsoft.com/azure/foundry/openai/concepts/content-streaming"
PROMPT = "the first message carries prompt_filter_results for the prompt and has no identity of its own"
ANNOTATION = "with the asynchronous filter, messages with content_filter_offsets annotate text that was sent before"
BUFFERED = "in its default mode the filter holds content back until it has looked at it, and hands it on in pieces"
PROMPT_SEEN = "20 recordings of 2024 and 2025"
ANNOTATION_SEEN = "documentation of 2026"
EMPTY = (
    ("chat/envelope/object-named", '""*'),
    ("chat/envelope/created-in-seconds", "0*"),
    ("chat/identity/id-not-empty", '""*'),
    ("chat/identity/model-not-empty", '""*'),
)

AZURE = Dialect(
    "azure",
    "Azure OpenAI: a first chunk with prompt_filter_results and empty identity, content_filter_results beside deltas",
    (
        *(
            Tolerance(rule=rule, got=got, message=message, reason=reason, link=LINK, seen=seen)
            for message, reason, seen in (
                ("/prompt_filter_results*", PROMPT, PROMPT_SEEN),
                ("/choices/[*]/content_filter_offsets*", ANNOTATION, ANNOTATION_SEEN),
            )
            for rule, got in EMPTY
        ),
        Tolerance(
            rule="chat/choice/delta-object",
            got="no such member*",
            message="/choices/[*]/content_filter_offsets*",
            reason=ANNOTATION,
            link=LINK,
            seen=ANNOTATION_SEEN,
        ),
        *(
            Tolerance(rule=rule, reason=BUFFERED, link=LINK, seen=ANNOTATION_SEEN)
            for rule in ("chat/timing/as-generated", "chat/timing/one-by-one")
        ),
    ),
    (
        Clue(r"/prompt_filter_results\b.*", NAMED, "prompt_filter_results"),
        Clue(r"/choices/\*/content_filter_(results|offsets)\b.*", NAMED, "results of Azure's content filter"),
        Clue(r"/error/inner_?error/.*", STRONG, "an inner error"),
        Clue(r"header (apim-request-id|x-ms-[a-z-]+|azureml-model-session): .*", NAMED, "a header of Azure's"),
    ),
)
