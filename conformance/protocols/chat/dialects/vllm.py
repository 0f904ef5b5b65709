"""vLLM: the server that most self-hosted models run on."""

from .dialect import FAIR, NAMED, STRONG, WEAK, Clue, Dialect, Tolerance

PROTOCOL = "https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/serve/engine/protocol.py"
CODE = "the code of an error is declared as an integer, the HTTP status"
SEEN = "vLLM 0.32.0"

VLLM = Dialect(
    "vllm",
    "vLLM: errors with a numeric code, the last text together with the finish_reason",
    (
        Tolerance(rule="*/refused/code", got="[45][0-9][0-9]*", reason=CODE, link=PROTOCOL, seen=SEEN),
        Tolerance(rule="*/errors/code-and-param", got="[45][0-9][0-9]*", reason=CODE, link=PROTOCOL, seen=SEEN),
        Tolerance(
            rule="chat/content/finish-carries-none",
            got='"*',
            reason="the last tokens and the finish_reason come in one chunk; a change to that was declined",
            link="https://github.com/vllm-project/vllm/pull/36944",
            seen=SEEN,
        ),
    ),
    (
        Clue(r'/system_fingerprint = "vllm-.*', NAMED, "vLLM names itself in the fingerprint"),
        Clue(r'/data/\*/owned_by = "vllm"', NAMED, "a model owned by vllm"),
        Clue(r"/choices/\*/stop_reason = .*", STRONG, "stop_reason beside finish_reason"),
        Clue(r"/(prompt_token_ids|prompt_text|prompt_logprobs|kv_transfer_params) = .*", STRONG, "a member of vLLM's"),
        Clue(r"/choices/\*/token_ids = .*", FAIR, "token_ids beside delta"),
        Clue(r'/id = "(chatcmpl-[0-9a-f]{16}|(chatcmpl|chat|cmpl)-[0-9a-f]{32})"', FAIR, "an id as vLLM writes it"),
        Clue(r'/choices/\*/delta/tool_calls/\*/id = "chatcmpl-tool-[0-9a-f]+"', STRONG, "a call id as vLLM writes it"),
        Clue(r'/error/type = "[A-Z][A-Za-z]+Error"', FAIR, "an error type that is a Python class"),
        Clue(r"order /error message,type,param,code", WEAK, "the members of an error, in vLLM's order"),
        Clue(r"/error/code = \d+", FAIR, "an error with a numeric code"),
        Clue(r'/message/id = "chatcmpl-[0-9a-f]{16}"', STRONG, "a message with the id of a chat completion"),
    ),
)
