"""LiteLLM's proxy. What it drops and adds (facts in chunks of others) is against its own documentation, and red."""

from .dialect import GATEWAY, STRONG, Clue, Dialect, Tolerance

DOCS = "https://docs.litellm.ai/docs/completion/usage"
ALWAYS = "always_include_stream_usage sends usage with every stream, where the proxy is configured so"

LITELLM = Dialect(
    "litellm",
    "LiteLLM: may be configured to send usage always",
    (
        Tolerance(rule="chat/usage/only-when-asked", reason=ALWAYS, link=DOCS, seen="documentation of October 2026"),
        Tolerance(
            rule="chat/usage/not-for-empty-options", reason=ALWAYS, link=DOCS, seen="documentation of October 2026"
        ),
    ),
    (
        Clue(r"header x-litellm-[a-z-]+: .*", GATEWAY, "a header of LiteLLM's"),
        Clue(r"header llm_provider-[a-z_-]+: .*", GATEWAY, "a header handed on by LiteLLM"),
        Clue(r'/error/message = "litellm\..*', GATEWAY, "an error that names LiteLLM"),
        Clue(r"order id,created,model,object,(system_fingerprint,)?choices.*", STRONG, "members in LiteLLM's order"),
        Clue(r"/choices/\*/(delta|message)/provider_specific_fields\b.*", STRONG, "provider_specific_fields"),
    ),
)
