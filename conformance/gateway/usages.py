"""The usage of a stream, before and behind the gateway."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.exchange import Request
from conformance.protocols.finding import show

from .change import Change
from .meaning import Usage
from .pair import Pair
from .saying import change

COUNTED = ("prompt_tokens", "completion_tokens", "total_tokens")


def asks_usage(request: Request) -> bool:
    """Whether a request asks for usage."""
    options = request.body.get("stream_options") if isinstance(request.body, dict) else None
    return isinstance(options, dict) and options.get("include_usage") is True


def usage_changes(pair: Pair) -> Iterator[Change]:
    """What became of the usage, in a stream that came to its end."""
    u, c = pair.upstream.usages, pair.client.usages
    asked = asks_usage(pair.got.request)
    only_for_the_gateway = not asked and asks_usage(pair.asked) and all(usage.choices == 0 for usage in u)
    if not u:
        if c:
            yield change(pair, "usage-invented", "no usage", show(c[-1].value))
        return
    if only_for_the_gateway:
        if any(usage.choices == 0 for usage in c):
            yield change(pair, "usage-unasked", "usage, because the gateway asked for it", show(c[-1].value))
        return
    if not c:
        yield change(pair, "usage-lost" if asked else "unasked-usage-lost", show(u[-1].value), "no usage")
        return
    if _counts(u[-1].value) != _counts(c[-1].value):
        yield change(pair, "usage-changed", show(_counts(u[-1].value)), show(_counts(c[-1].value)))
    yield from _placing(pair, u[-1], c[-1])
    if len(u) > 2 and len(c) < len(u) // 2:
        yield change(pair, "running-usage-lost", f"usage on {len(u)} chunks", f"on {len(c)}")


def _placing(pair: Pair, u: Usage, c: Usage) -> Iterator[Change]:
    """On which chunk the last usage is."""
    if c.choices and not c.finishes:
        if u.choices == 0 or u.finishes:
            yield change(pair, "usage-with-choices", "choices: []", f"{c.choices} entry in choices")
    elif u.finishes != c.finishes:
        where = {True: "on the chunk with the finish_reason", False: "on a chunk of its own"}
        yield change(pair, "usage-moved", where[u.finishes], where[c.finishes])


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    return {name: usage.get(name) for name in COUNTED}
