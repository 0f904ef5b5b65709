"""Every probe, by name. Knows no socket, no rule and no target.

Bodies leave the model out; `requests_of` puts it in. A probe with a `companion` sends two requests: the companion
first, and its exchange goes `beside` the probe's own.
"""

from conformance.protocols.exchange import Request

from .completions import COMPLETIONS
from .equivalence import EQUIVALENCE
from .extras import EXTRAS
from .probe import COUNT, FIXED, Body, Companion, Probe
from .probe import ask as _ask
from .refused import REFUSED
from .structured import STRUCTURED
from .tools import TOOLS
from .way import Way, headers_of

__all__ = ["PROBES", "Body", "Companion", "Probe", "find", "requests_of"]

IF_SERVED: Body = {"max_tokens": 16, **FIXED}
"""For requests that ought to be refused: where they are not, nobody knows how long the answer would be."""

PROBES: tuple[Probe, ...] = (
    Probe(name="stream", says="a plain stream", body=_ask(COUNT)),
    Probe(
        name="usage-asked",
        says="a stream with stream_options.include_usage true",
        body=_ask(COUNT, stream_options={"include_usage": True}),
        feature="usage",
    ),
    Probe(
        name="usage-options-empty",
        says="a stream with stream_options {}",
        body=_ask(COUNT, stream_options={}),
        feature="usage",
    ),
    Probe(name="max-tokens-one", says="a stream with max_tokens 1", body=_ask(COUNT, max_tokens=1)),
    Probe(name="stop-sequence", says='a stream with stop ["5"]', body=_ask(COUNT, stop=["5"], **FIXED), feature="stop"),
    Probe(name="stop-text", says='a stream with stop "5"', body=_ask(COUNT, stop="5", **FIXED), feature="stop"),
    Probe(
        name="stop-several",
        says='a stream with stop ["never said", "5"]',
        body=_ask(COUNT, stop=["never said", "5"], **FIXED),
        feature="stop",
    ),
    Probe(
        name="max-completion-tokens",
        says="a stream with max_completion_tokens 2",
        body=_ask(COUNT, max_completion_tokens=2, **FIXED),
    ),
    Probe(name="non-ascii", says="a stream of emoji, CJK and right-to-left text", body=_ask("Write unicode", **FIXED)),
    Probe(
        name="long-text",
        says="a stream of some hundred tokens",
        body=_ask("Write a long list", max_tokens=512, **FIXED),
    ),
    Probe(
        name="two-choices",
        says="a stream with n 2",
        body=_ask(COUNT, n=2, stream_options={"include_usage": True}),
        feature="choices",
    ),
    Probe(
        name="twin",
        says="the same request streamed and not streamed, temperature 0",
        body=_ask(COUNT, stream_options={"include_usage": True}, **FIXED),
        feature="deterministic",
        companion=Companion.TWIN,
        companion_body={"messages": [{"role": "user", "content": COUNT}], "stream": False, **FIXED},
    ),
    Probe(
        name="two-streams",
        says="two streams, each on a connection of its own",
        body=_ask("Say hi"),
        companion=Companion.APART,
        companion_body=_ask("Hello"),
    ),
    Probe(
        name="keep-alive",
        says="two streams, one after the other, on one connection",
        body=_ask("Say hi"),
        companion=Companion.BEFORE,
        companion_body=_ask("Hello"),
    ),
    *TOOLS,
    Probe(name="document", says="a request without stream", body={"messages": [{"role": "user", "content": COUNT}]}),
    Probe(name="bad-json", says="a body that is not JSON", body='{"model": "any", "messages": [,], "stream": true}'),
    Probe(name="messages-missing", says="no messages", body={"stream": True}),
    Probe(name="messages-empty", says="messages []", body={"messages": [], "stream": True, **IF_SERVED}),
    Probe(name="max-tokens-text", says='max_tokens "many"', body=_ask(COUNT, max_tokens="many")),
    Probe(name="temperature-text", says='temperature "warm"', body=_ask(COUNT, temperature="warm")),
    Probe(name="choices-zero", says="n 0", body=_ask(COUNT, n=0)),
    Probe(name="max-tokens-negative", says="max_tokens -1", body=_ask(COUNT, max_tokens=-1)),
    Probe(name="temperature-high", says="temperature 9.5", body=_ask(COUNT, temperature=9.5, max_tokens=16)),
    Probe(
        name="role-unknown",
        says='a message with role "wizard"',
        body={"messages": [{"role": "wizard", "content": COUNT}], "stream": True, **IF_SERVED},
    ),
    Probe(
        name="options-without-stream",
        says="stream_options without stream",
        body={"messages": [{"role": "user", "content": COUNT}], "stream_options": {"include_usage": True}},
    ),
    Probe(
        name="model-unknown",
        says="a model that does not exist",
        body=_ask(COUNT),
        model="streamspec-no-such-model",
        feature="model-check",
    ),
    Probe(name="key-missing", says="no key", body=_ask(COUNT), with_key=False, feature="auth"),
    *STRUCTURED,
    *EXTRAS,
    *EQUIVALENCE,
    *REFUSED,
    *COMPLETIONS,
)


def requests_of(probe: Probe, *, url: str, model: str, headers: tuple[tuple[str, str], ...] = ()) -> list[Request]:
    """The requests of a probe in the order they are sent, without credentials; its own is the last."""
    bodies = [probe.body] if probe.companion_body is None else [probe.companion_body, probe.body]
    base, question, query = url.partition("?")  # Azure wants ?api-version= behind the path
    endpoint = base.rstrip("/") + probe.path + question + query
    ways = [probe.way] if probe.companion_body is None else [Way.WHOLE, probe.way]
    requests = []
    for body, way in zip(bodies, ways, strict=True):
        sent = {"model": probe.model or model, **body} if isinstance(body, dict) else body
        if isinstance(sent, dict) and sent["model"] is None:
            del sent["model"]
        own = () if body is None else headers_of(way)
        requests.append(Request(probe.method, endpoint, (*headers, *own), sent))
    return requests


def find(name: str) -> Probe:
    """The probe of that name. Raises LookupError."""
    for probe in PROBES:
        if probe.name == name:
            return probe
    raise LookupError(f"no probe {name!r}; there are {', '.join(p.name for p in PROBES)}")
