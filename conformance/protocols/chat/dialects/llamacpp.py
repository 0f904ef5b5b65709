"""llama.cpp's llama-server."""

from .dialect import FAIR, NAMED, STRONG, WEAK, Clue, Dialect, Tolerance

ERRORS = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-common.cpp"
FIELDS = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-schema.cpp"
README = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
RESULTS = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/server-task.cpp"
SEEN = "llama.cpp of October 2026"
USAGE = "the last chunk of a text completion is written with usage, asked for or not"
SHAPE = "an error is made of code, the HTTP status, message and type"

LLAMACPP = Dialect(
    "llamacpp",
    "llama.cpp: errors of code, message and type, wide ranges of parameters",
    (
        Tolerance(rule="*/refused/code", got="[45][0-9][0-9]*", reason=SHAPE, link=ERRORS, seen=SEEN),
        Tolerance(rule="*/refused/param", got="no such member*", reason=SHAPE, link=ERRORS, seen=SEEN),
        Tolerance(
            rule="*/errors/code-and-param", got="[45][0-9][0-9]*", reason=SHAPE, link=ERRORS, seen="source of 2026"
        ),
        Tolerance(
            rule="chat/refusals/limit-negative",
            request="/max_* = -1",
            reason="max_tokens is another name of n_predict, where -1 stands for no limit",
            link=README,
            seen=SEEN,
        ),
        Tolerance(
            rule="*/refusals/out-of-range",
            request="/temperature = [2-9]*",
            reason="the range of temperature is declared as 0 to infinity",
            link=FIELDS,
            seen=SEEN,
        ),
        *(
            Tolerance(rule=rule, message="/choices/[*]/finish_reason = *", reason=USAGE, link=RESULTS, seen=SEEN)
            for rule in ("completions/usage/only-when-asked", "completions/usage/without-choices")
        ),
        Tolerance(
            rule="completions/limits/default-sixteen",
            reason="without max_tokens there is no limit: the default of n_predict is -1",
            link=README,
            seen=SEEN,
        ),
    ),
    (
        Clue(r"header server: llama\.cpp", NAMED, "a server header"),
        Clue(r'/data/\*/owned_by = "llamacpp"', NAMED, "a model owned by llamacpp"),
        Clue(r"/timings/.*", STRONG, "timings"),
        Clue(r"/(__verbose|prompt_progress)/.*", STRONG, "a member of llama.cpp's"),
        Clue(r'/system_fingerprint = "b\d+-[0-9a-f]{7,}"', STRONG, "a build number in the fingerprint"),
        Clue(r"order choices,created,(id,)?model,system_fingerprint,object.*", FAIR, "members in llama.cpp's order"),
        Clue(r"order /error code,message,type.*", STRONG, "the members of an error, in llama.cpp's order"),
        Clue(r'/id = "chatcmpl-[A-Za-z0-9]{32}"', WEAK, "an id of 32 letters and digits"),
    ),
)
