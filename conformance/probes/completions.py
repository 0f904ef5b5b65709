"""The probes of text completions (`POST /v1/completions`). Knows no rule and no target."""

from functools import partial

from .probe import COUNT, FIXED, Body, Companion, Probe

_probe = partial(Probe, path="/completions", feature="completions")
PROMPTS = [COUNT, "Say hi"]
USAGE: Body = {"stream_options": {"include_usage": True}}


def _ask(prompt: str | list[str], **members: object) -> Body:
    return {"prompt": prompt, "stream": True, **members}


COMPLETIONS: tuple[Probe, ...] = (
    _probe(
        name="completions-stream",
        says="a text completion without max_tokens",
        body=_ask("Write a long list", **FIXED),
    ),
    _probe(
        name="completions-usage",
        says="a text completion with stream_options.include_usage true",
        body=_ask(COUNT, **USAGE, **FIXED),
    ),
    _probe(
        name="completions-cut",
        says="a text completion with max_tokens 1",
        body=_ask(COUNT, max_tokens=1, **FIXED),
    ),
    _probe(
        name="completions-stop",
        says='a text completion with stop ["5"]',
        body=_ask(COUNT, max_tokens=64, stop=["5"], **FIXED),
    ),
    _probe(
        name="completions-non-ascii",
        says="a text completion of emoji, CJK and right-to-left text",
        body=_ask("Write unicode", max_tokens=64, **FIXED),
    ),
    _probe(
        name="completions-long-text",
        says="a text completion of some hundred tokens",
        body=_ask("Write a long list", max_tokens=512, **FIXED),
    ),
    _probe(
        name="completions-echo",
        says="a text completion with echo",
        body=_ask(COUNT, echo=True, max_tokens=16, **USAGE, **FIXED),
    ),
    _probe(
        name="completions-logprobs",
        says="a text completion with logprobs 2",
        body=_ask(COUNT, logprobs=2, max_tokens=16, **USAGE, **FIXED),
    ),
    _probe(
        name="completions-echo-logprobs",
        says="a text completion with echo and logprobs 2",
        body=_ask(COUNT, echo=True, logprobs=2, max_tokens=16, **FIXED),
    ),
    _probe(
        name="completions-two-prompts",
        says="text completions of two prompts",
        body=_ask(PROMPTS, max_tokens=16, **USAGE, **FIXED),
    ),
    _probe(
        name="completions-two-choices",
        says="text completions of two prompts with n 2 and echo",
        body=_ask(PROMPTS, max_tokens=16, n=2, echo=True),
        another_feature="choices",
    ),
    _probe(
        name="completions-twin",
        says="the same text completion streamed and not streamed, temperature 0",
        body=_ask(COUNT, max_tokens=64, **USAGE, **FIXED),
        another_feature="deterministic",
        companion=Companion.TWIN,
        companion_body={"prompt": COUNT, "stream": False, "max_tokens": 64, **FIXED},
    ),
    _probe(
        name="completions-document",
        says="a text completion without stream",
        body={"prompt": COUNT, "max_tokens": 16, **FIXED},
    ),
    _probe(
        name="completions-bad-json",
        says="a body for a text completion that is not JSON",
        body='{"model": "any", "prompt": [,], "stream": true}',
    ),
    _probe(name="completions-choices-zero", says="a text completion with n 0", body=_ask(COUNT, n=0)),
    _probe(
        name="completions-max-tokens-text",
        says='a text completion with max_tokens "many"',
        body=_ask(COUNT, max_tokens="many"),
    ),
)
