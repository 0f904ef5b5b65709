"""`transformers serve` of Hugging Face."""

from .dialect import FAIR, STRONG, WEAK, Clue, Dialect, Tolerance

SOURCE = "https://github.com/huggingface/transformers/blob/main/src/transformers/cli/serving/chat_completion.py"
SEEN = "transformers 5.23.0"
USAGE = "stream_options is listed as not supported; usage always comes with the finish_reason"

TRANSFORMERS = Dialect(
    "transformers",
    "transformers serve: usage with the finish_reason, asked for or not",
    tuple(
        Tolerance(rule=rule, message="/choices/[*]/finish_reason = *", reason=USAGE, link=SOURCE, seen=SEEN)
        for rule in ("chat/usage/only-when-asked", "chat/usage/not-for-empty-options", "chat/usage/without-choices")
    ),
    (
        Clue(r"order id,choices,created,model,object,system_fingerprint(,usage)?", STRONG, "members in its order"),
        Clue(r'/system_fingerprint = ""', WEAK, "an empty fingerprint"),
        Clue(r'/model = "[^"]+@[0-9a-z.-]+"', FAIR, "a model with its revision"),
        Clue(r'/detail = "(Unexpected keys|Unsupported fields) in the request.*', STRONG, "a refusal as it writes it"),
    ),
)
