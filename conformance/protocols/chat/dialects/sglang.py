"""SGLang: errors without an envelope, ids without a prefix."""

from .dialect import FAIR, NAMED, STRONG, WEAK, Clue, Dialect, Tolerance

PROTOCOL = "https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/protocol.py"
SAMPLING = "https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/sampling/sampling_params.py"
SEEN = "SGLang 0.5.23"

SGLANG = Dialect(
    "sglang",
    "SGLang: HTTP errors are one flat object",
    (
        Tolerance(
            rule="*/refused/error-object",
            got='{"object": "error", "message": *',
            reason="ErrorResponse is declared flat: object, message, type, param and code, under no `error`",
            link=PROTOCOL,
            seen=SEEN,
        ),
        Tolerance(
            rule="*/errors/code-and-param",
            got="[45][0-9][0-9]*",
            reason="the code of an error is declared as an integer, the HTTP status",
            link=PROTOCOL,
            seen=SEEN,
        ),
        Tolerance(
            rule="*/choice/finish-reason-known",
            got='"abort"*',
            reason="abort is declared as a finish_reason: the request was cancelled on the server",
            link=PROTOCOL,
            seen="source of 2026",
        ),
        Tolerance(
            rule="*/refusals/out-of-range",
            request="/temperature = [2-9]*",
            reason="a temperature has to be non-negative and has no upper bound",
            link=SAMPLING,
            seen=SEEN,
        ),
    ),
    (
        Clue(r'/data/\*/owned_by = "sglang"', NAMED, "a model owned by sglang"),
        Clue(r"/choices/\*/matched_stop = .*", STRONG, "matched_stop beside finish_reason"),
        Clue(r"/sglext\b.*", NAMED, "sglext"),
        Clue(r"/metadata/weight_version = .*", STRONG, "the version of the weights"),
        Clue(r"order object,message,type,param,code", STRONG, "a flat error"),
        Clue(r"order /error object,message,type,param,code", STRONG, "an error in SGLang's order"),
        Clue(r'/error/object = "error"', FAIR, "an error that says it is one"),
        Clue(r'/id = "[0-9a-f]{32}"', FAIR, "an id in bare hexadecimal digits"),
        Clue(r"/usage/reasoning_tokens = .*", WEAK, "reasoning_tokens at the top of usage"),
    ),
)
