"""The request, as the client sent it and as the upstream got it."""

from collections.abc import Iterator, Mapping
from typing import Any

import schemas
from conformance.protocols.finding import show

from .change import Change
from .pair import Pair
from .saying import change

RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
ABSENT = object()
CHANGES_NOTHING = frozenset({"user", "metadata", "store", "safety_identifier", "prompt_cache_key"})
"""Members that OpenAI knows, and by which no answer becomes another."""


def request_changes(pair: Pair) -> Iterator[Change]:
    """What the gateway did to the request."""
    if len(pair.served) > 1:
        yield change(pair, "request-repeated", f"the request {len(pair.served)} times", "one request")
    sent, came = pair.got.request.body, pair.asked.body
    if not isinstance(sent, dict) or not isinstance(came, dict):
        if isinstance(sent, dict):
            yield change(pair, "request-changed", show(came), show(sent))
        return
    u, c = _flat(came), _flat(sent)
    if u.get("model") != c.get("model"):
        yield change(pair, "model-changed", show(u.get("model")), show(c.get("model")))
    yield from _kept(pair, u, c)
    yield from _new(pair, u, c)


def _kept(pair: Pair, u: Mapping[str, Any], c: Mapping[str, Any]) -> Iterator[Change]:
    """Members that the client sent."""
    lost: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in c.items():
        there = u.get(name, ABSENT)
        if there is ABSENT:
            if u.get(RENAMED.get(name, ""), ABSENT) != value and value is not None:
                (lost if _counts(name, c) else unknown)[name] = value
        elif name != "model" and _normal(there) != _normal(value):
            yield change(pair, "request-changed", f"{name}: {show(there)}", f"{name}: {show(value)}")
    if lost:
        yield change(pair, "request-lost", "none of these", show(lost))
    if unknown:
        yield change(pair, "request-unknown-lost", "none of these", show(unknown))


def _new(pair: Pair, u: Mapping[str, Any], c: Mapping[str, Any]) -> Iterator[Change]:
    """Members that the client did not send."""
    added = {name: value for name, value in u.items() if name not in c}
    if added.pop("stream_options.include_usage", None) is True:
        yield change(pair, "usage-asked", "stream_options.include_usage: true", "no such member")
    if added:
        yield change(pair, "request-added", show(added), "none of these")


def _flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members, those of stream_options each by itself."""
    flat: dict[str, Any] = {}
    for name, value in body.items():
        if name == "stream_options" and isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _counts(name: str, sent: Mapping[str, Any]) -> bool:
    """Whether a member changes what is answered, as far as OpenAI tells."""
    if name in CHANGES_NOTHING or (name.startswith("stream_options") and sent.get("stream") is not True):
        return False
    properties = schemas.load("chat/request")["properties"]
    outer, _, inner = name.partition(".")
    return outer in properties and inner in ("", "include_usage")


def _normal(value: Any) -> Any:
    """A value without what means nothing: null members, one text part in a list of parts."""
    if isinstance(value, dict):
        return {key: _normal(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and value[0].get("type") == "text":
            return value[0].get("text")
        return [_normal(inner) for inner in value]
    return value
