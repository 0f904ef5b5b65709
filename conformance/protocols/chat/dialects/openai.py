"""OpenAI's own service, from which everybody else deviates; and the dialect that tolerates nothing."""

from .dialect import FAIR, STRONG, WEAK, Clue, Dialect

OPENAI = Dialect(
    "openai",
    "OpenAI's own service",
    clues=(
        Clue(r"header openai-(processing-ms|organization|version|project): .*", STRONG, "a header of OpenAI's"),
        Clue(r"/obfuscation = .*", STRONG, "padding named obfuscation"),
        Clue(r'/service_tier = "(default|auto|flex|scale|priority)"', WEAK, "a service tier"),
        Clue(r'/system_fingerprint = "fp_[0-9a-f]{10}"', WEAK, "a fingerprint as OpenAI writes it"),
        Clue(r'/id = "(chatcmpl|cmpl)-[A-Za-z0-9]{29}"', WEAK, "an id as OpenAI writes it"),
        Clue(r"/choices/\*/delta/refusal = .*", WEAK, "a refusal member"),
        Clue(r"/usage/completion_tokens_details/accepted_prediction_tokens = .*", FAIR, "details of usage"),
    ),
)
STRICT = Dialect("strict", "no deviation is tolerated")
