"""Probes that servers differ about: requests that some refuse and others put up with. Knows no rule and no target."""

from .probe import COUNT, Probe, ask
from .way import Way

NO_SUCH_PATH = "/streamspec-no-such-path"
PAST_ANY_CONTEXT = "one more word " * 75_000
"""A megabyte of text, some 225,000 tokens."""

REFUSED: tuple[Probe, ...] = (
    Probe(name="model-missing", says="no model", body={**ask(COUNT), "model": None}),
    Probe(name="messages-text", says="messages that are a text", body={"messages": COUNT, "stream": True}),
    Probe(name="stream-text", says='stream "yes"', body={**ask(COUNT), "stream": "yes"}),
    Probe(name="stop-five", says="five stop sequences", body=ask(COUNT, stop=["21", "22", "23", "24", "25"])),
    Probe(name="parameter-unknown", says="a parameter that does not exist", body=ask(COUNT, streamspec_unknown=True)),
    Probe(name="content-type-text", says=f"a request {Way.PLAIN_TEXT.value}", body=ask(COUNT), way=Way.PLAIN_TEXT),
    Probe(name="content-type-missing", says=f"a request {Way.UNTYPED.value}", body=ask(COUNT), way=Way.UNTYPED),
    Probe(name="method-unknown", says="PUT in place of POST", body=None, method="PUT"),
    Probe(name="path-unknown", says="a path that does not exist", body=None, method="GET", path=NO_SUCH_PATH),
    Probe(
        name="context-exceeded",
        says="a prompt of a megabyte",
        body=ask(PAST_ANY_CONTEXT, max_tokens=16),
        feature="context",
    ),
)
