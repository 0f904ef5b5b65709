"""Probes that ask for the same twice: by the same request, by one sent in another way, by one that differs in n.

No two of these pairs say the same, so that a server which breaks the second of two equal requests can tell them apart.
Knows no rule and no target.
"""

from functools import partial

from .probe import COUNT, Companion, Probe, ask
from .way import Way

_pair = partial(Probe, companion=Companion.APART)
REPEATED = ask(COUNT, stream_options={"include_usage": True}, temperature=0, seed=3)
SEEDED = ask("Tell me a story", temperature=1, seed=7, max_tokens=64)
ONE = ask(COUNT, temperature=1, top_p=0.000001, seed=4)
"""Only the likeliest token is left, as at temperature 0, where vLLM refuses to make several choices."""

EQUIVALENCE: tuple[Probe, ...] = (
    _pair(
        name="repeat",
        says="the same request twice, temperature 0",
        body=REPEATED,
        feature="deterministic",
        companion_body=REPEATED,
    ),
    _pair(
        name="repeat-seed",
        says="the same request twice, temperature 1 and a seed",
        body=SEEDED,
        feature="seed",
        companion_body=SEEDED,
    ),
    _pair(
        name="choices-beside-one",
        says="the same request with n 2 and with n left out, top_p 0.000001",
        body={**ONE, "n": 2},
        feature="deterministic",
        another_feature="choices",
        companion_body=ONE,
    ),
    *(
        _pair(name=name, says=f"a stream, and the same asked for {way.value}", body=body, companion_body=body, way=way)
        for name, way, body in (
            ("sent-in-bytes", Way.BYTES, ask("Say hi", max_tokens=40)),
            ("sent-chunked", Way.CHUNKED, ask("Say hi", max_tokens=41)),
            ("sent-in-capitals", Way.CAPITALS, ask("Say hi", max_tokens=42)),
            ("sent-by-clients", Way.OF_CLIENTS, ask("Say hi", max_tokens=43)),
        )
    ),
)
