"""DeepSeek's own service."""

from .dialect import FAIR, NAMED, STRONG, WEAK, Clue, Dialect, Tolerance

API = "https://api-docs.deepseek.com/api/create-chat-completion"
SEEN = "4 recordings of 2025"
USAGE = "the documented stream has usage in the chunk with the finish_reason, asked for or not"

DEEPSEEK = Dialect(
    "deepseek",
    "DeepSeek: usage with the finish_reason, keep-alive comments",
    (
        *(
            Tolerance(rule=rule, message="/choices/[*]/finish_reason = *", reason=USAGE, link=API, seen=SEEN)
            for rule in (
                "chat/usage/only-when-asked",
                "chat/usage/not-for-empty-options",
                "chat/usage/without-choices",
            )
        ),
        Tolerance(
            rule="chat/choice/finish-reason-known",
            got='"insufficient_system_resource"*',
            reason="insufficient_system_resource is documented: the request was interrupted",
            link=API,
            seen="documentation of 2026",
        ),
    ),
    (
        Clue(r"header x-ds-trace-id: .*", NAMED, "a header of DeepSeek's"),
        Clue(r"/usage/prompt_cache_(hit|miss)_tokens = .*", STRONG, "cache hits and misses in usage"),
        Clue(r'/system_fingerprint = "fp_[0-9a-f]{10}_[a-z0-9_]+"', STRONG, "a fingerprint with a deployment"),
        Clue(r'/(response/)?id = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', WEAK, "an id that is a bare UUID"),
        Clue(r'/(response/)?model = "deepseek-[^"/]*"', FAIR, "a model of DeepSeek's by its short name"),
        Clue(r'/choices/\*/finish_reason = "insufficient_system_resource"', STRONG, "a finish_reason of DeepSeek's"),
        Clue(r"comment keep-alive", WEAK, "a comment keep-alive"),
    ),
)
