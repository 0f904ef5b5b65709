"""Needs of rules about requests that some servers refuse and others put up with, and about routes."""

from collections.abc import Sequence

from conformance.protocols.exchange import Exchange

from .need import Need, posts_json, was_read

MOST_STOPS = 4
"""Stop sequences that a request may have, by the OpenAI OpenAPI document."""
LARGE = 800_000
"""Characters of a prompt that no model we know of has a context for."""


def _prompt_size(exchange: Exchange) -> int:
    messages = exchange.member("messages")
    texts = [m.get("content") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    return sum(len(text) for text in texts if isinstance(text, str))


def _lacks_model(exchange: Exchange) -> bool:
    """Azure has the model in the path: /deployments/MODEL/chat/completions."""
    body = exchange.request.body
    return (
        isinstance(body, dict)
        and "messages" in body
        and "model" not in body
        and "/deployments/" not in exchange.request.path
    )


def _content_type(exchange: Exchange) -> str | None:
    """The content type of a request whose headers are known; None where it had none."""
    return exchange.request.header("content-type")


def _completion_limit_refused(exchanges: Sequence[Exchange]) -> str:
    made = [e for e in exchanges if e.probe == "max-completion-tokens"]
    refused = made and all(400 <= e.status < 500 for e in made)
    return f"max_completion_tokens is not ignored, but refused with status {made[0].status}" if refused else ""


STOP_TOO_MANY = Need(
    name="a request with five stop sequences",
    fits=lambda e: posts_json(e) and isinstance(e.member("stop"), list) and len(e.member("stop")) > MOST_STOPS,
    probes=("stop-five",),
    protocol="chat",
)
MODEL_MISSING = Need(
    name="a request without a model",
    fits=lambda e: posts_json(e) and _lacks_model(e),
    probes=("model-missing",),
    protocol="chat",
)
STREAM_TEXT = Need(
    name="a request whose stream is a text",
    fits=lambda e: posts_json(e) and isinstance(e.member("stream"), str),
    probes=("stream-text",),
    protocol="chat",
)
PARAMETER_UNKNOWN = Need(
    name="a request with a parameter that does not exist",
    fits=lambda e: posts_json(e) and e.member("streamspec_unknown") is not None,
    probes=("parameter-unknown",),
    protocol="chat",
)
CONTENT_TYPE_TEXT = Need(
    name="a request whose content-type is text/plain",
    fits=lambda e: posts_json(e) and (_content_type(e) or "").startswith("text/plain"),
    probes=("content-type-text",),
    protocol="chat",
)
CONTENT_TYPE_MISSING = Need(
    name="a request without content-type",
    fits=lambda e: posts_json(e) and bool(e.probe and e.request.headers) and _content_type(e) is None,
    probes=("content-type-missing",),
    protocol="chat",
)
CONTEXT_EXCEEDED = Need(
    name="a request with a prompt of a megabyte",
    fits=lambda e: posts_json(e) and _prompt_size(e) > LARGE,
    probes=("context-exceeded",),
    protocol="chat",
    feature="context",
)
METHOD_UNKNOWN = Need(
    name="the answer to PUT in place of POST",
    fits=lambda e: e.head is not None and e.request.method == "PUT" and e.protocol == "chat",
    probes=("method-unknown",),
)
PATH_UNKNOWN = Need(
    name="the answer to GET of a path that does not exist",
    fits=lambda e: e.head is not None and e.request.path.endswith("/streamspec-no-such-path"),
    probes=("path-unknown",),
)
COMPLETION_LIMIT = Need(
    name="a stream with max_completion_tokens",
    fits=lambda e: was_read(e) and isinstance(e.member("max_completion_tokens"), int),
    probes=("max-completion-tokens",),
    protocol="chat",
    unless=_completion_limit_refused,
)
