"""OpenRouter, a gateway to many providers."""

from .dialect import FAIR, GATEWAY, NAMED, STRONG, Clue, Dialect, Tolerance

USAGE = "https://openrouter.ai/docs/use-cases/usage-accounting"
ERRORS = "https://openrouter.ai/docs/api-reference/errors"
STREAMING = "https://openrouter.ai/docs/api-reference/streaming"
SEEN = "15 recordings of 2025 and 2026"
LAST = "usage is in the last message of every stream, whatever that holds; stream_options has no effect"
SHAPE = "an error is documented as a numeric code, a message and metadata"
LATE = "once a provider was asked the status is 200, and what fails then is told in the body"

OPENROUTER = Dialect(
    "openrouter",
    "OpenRouter: usage always and in the last chunk, a role in every chunk, errors of code and message",
    (
        Tolerance(rule="*/usage/only-when-asked", reason=LAST, link=USAGE, seen=SEEN),
        Tolerance(rule="chat/usage/not-for-empty-options", reason=LAST, link=USAGE, seen=SEEN),
        Tolerance(rule="*/usage/null-elsewhere", reason=LAST, link=USAGE, seen=SEEN),
        Tolerance(
            rule="chat/usage/without-choices",
            got='*"content": ""*',
            message="/usage/cost = *",
            reason=LAST,
            link=USAGE,
            seen=SEEN,
        ),
        Tolerance(
            rule="chat/role/sent-once",
            reason="every delta of every provider is written anew, with role and content",
            link=STREAMING,
            seen=SEEN,
        ),
        Tolerance(rule="*/errors/has-type", got='{"code": *', reason=SHAPE, link=ERRORS, seen=SEEN),
        Tolerance(rule="*/errors/code-and-param", got="[45][0-9][0-9]*", reason=SHAPE, link=ERRORS, seen=SEEN),
        Tolerance(
            rule="*/refused/has-type", got="no such member*", reason=SHAPE, link=ERRORS, seen="documentation of 2026"
        ),
        Tolerance(
            rule="*/refused/param", got="no such member*", reason=SHAPE, link=ERRORS, seen="documentation of 2026"
        ),
        Tolerance(
            rule="*/refused/code", got="[45][0-9][0-9]*", reason=SHAPE, link=ERRORS, seen="documentation of 2026"
        ),
        Tolerance(rule="*/errors/not-first", reason=LATE, link=ERRORS, seen="documentation of 2026"),
        Tolerance(rule="*/document/no-error", reason=LATE, link=ERRORS, seen="documentation of 2026"),
    ),
    (
        Clue(r"comment OPENROUTER PROCESSING", GATEWAY, "a comment that names OpenRouter"),
        Clue(r'/id = "gen-\d{10}-[A-Za-z0-9]{20}"', GATEWAY, "an id as OpenRouter writes it"),
        Clue(r"header x-generation-id: .*", NAMED, "a header of OpenRouter's"),
        Clue(r"/choices/\*/native_finish_reason = .*", STRONG, "native_finish_reason"),
        Clue(r"/provider = .*", STRONG, "the provider behind"),
        Clue(r"/usage/cost = .*", FAIR, "the cost in usage"),
    ),
)
