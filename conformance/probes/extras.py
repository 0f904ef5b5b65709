"""Probes for what a stream may carry besides its text: logprobs, reasoning, usage so far. Knows no rule."""

from .probe import COUNT, FIXED, Body, Companion, Probe, ask

USAGE: Body = {"stream_options": {"include_usage": True}}
LOGPROBS: Body = {"logprobs": True, "top_logprobs": 2, **FIXED}
THINK = "Think first"

EXTRAS: tuple[Probe, ...] = (
    Probe(
        name="logprobs",
        says="a stream with logprobs and top_logprobs 2",
        body=ask(COUNT, **LOGPROBS, **USAGE),
        feature="logprobs",
    ),
    Probe(
        name="logprobs-non-ascii",
        says="a stream of emoji, CJK and right-to-left text with logprobs",
        body=ask("Write unicode", **LOGPROBS),
        feature="logprobs",
    ),
    Probe(
        name="logprobs-plain",
        says="a stream with logprobs and no top_logprobs",
        body=ask(COUNT, logprobs=True, **FIXED),
        feature="logprobs",
    ),
    Probe(
        name="top-logprobs-alone",
        says="a stream with top_logprobs and without logprobs",
        body=ask(COUNT, top_logprobs=2, **FIXED),
        feature="logprobs",
    ),
    Probe(
        name="logprobs-twin",
        says="the same request with logprobs streamed and not streamed, temperature 0",
        body=ask(COUNT, **LOGPROBS),
        feature="logprobs",
        another_feature="deterministic",
        companion=Companion.TWIN,
        companion_body={**ask(COUNT, **LOGPROBS), "stream": False},
    ),
    Probe(
        name="reasoning",
        says="a stream of a reply that takes thought",
        body=ask(THINK, **USAGE, **FIXED),
        feature="reasoning",
    ),
    Probe(
        name="reasoning-twin",
        says="the same streamed and not streamed, temperature 0",
        body=ask(THINK, **FIXED),
        feature="reasoning",
        another_feature="deterministic",
        companion=Companion.TWIN,
        companion_body={**ask(THINK, **FIXED), "stream": False},
    ),
    Probe(
        name="continuous-usage",
        says="a stream with include_usage and continuous_usage_stats",
        body=ask(COUNT, stream_options={"include_usage": True, "continuous_usage_stats": True}, **FIXED),
        feature="continuous-usage",
    ),
    Probe(
        name="stop-across-tokens",
        says='a stream with stop ["4, 5"], which no token has whole',
        body=ask(COUNT, stop=["4, 5"], **FIXED),
        feature="stop",
    ),
    Probe(
        name="stop-near-miss",
        says='the same request with stop ["5, 7", "10.!"], which nearly match, streamed and not streamed',
        body=ask(COUNT, stop=["5, 7", "10.!"], **FIXED),
        feature="stop",
        another_feature="deterministic",
        companion=Companion.TWIN,
        companion_body={**ask(COUNT, stop=["5, 7", "10.!"], **FIXED), "stream": False},
    ),
)
