"""Response headers, before and behind the gateway. Those of one hop, and what follows from framing, are left out."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from conformance.protocols.exchange import Exchange

from .change import Change
from .pair import Pair
from .saying import change

LEFT_OUT = frozenset(
    {
        *("connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "trailer", "te"),
        *("upgrade", "date", "server", "via", "content-type"),
    }
)
"""Of one hop, of framing, of the gateway itself; content-type is looked at by itself."""


def head_changes(pair: Pair) -> Iterator[Change]:
    """What became of the headers."""
    if pair.got.head is None or pair.given.head is None:
        return
    u, c = _headers(pair.given), _headers(pair.got)
    types = pair.given.head.get("content-type"), pair.got.head.get("content-type")
    if pair.given.head.media_type != pair.got.head.media_type:
        yield change(pair, "content-type", types[0] or "none", types[1] or "none")
    elif _normal(types[0]) != _normal(types[1]):
        yield change(pair, "headers-changed", f"content-type: {types[0]}", f"content-type: {types[1]}")
    if "retry-after" in u and "retry-after" not in c:
        yield change(pair, "retry-after-lost", f"retry-after: {u.pop('retry-after')}", "no such header")
    if lost := [name for name in u if name not in c]:
        yield change(pair, "headers-lost", ", ".join(f"{name}: {u[name]}" for name in lost), "none of these")
    if differing := [name for name in u if name in c and u[name] != c[name]]:
        yield change(pair, "headers-changed", _list(u, differing), _list(c, differing))
    if added := [name for name in c if name not in u]:
        yield change(pair, "headers-added", "none of these", ", ".join(added))
    address = urlsplit(pair.served[-1].request.url).netloc
    if telling := [name for name in added if address and address in c[name]]:
        yield change(pair, "address-told", address, _list(c, telling))


def _headers(exchange: Exchange) -> dict[str, str]:
    assert exchange.head is not None
    headers: dict[str, str] = {}
    for name, value in exchange.head.headers:
        if (key := name.lower()) not in LEFT_OUT:
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers


def _normal(value: str) -> str:
    return value.lower().replace(" ", "")


def _list(headers: dict[str, str], names: list[str]) -> str:
    return ", ".join(f"{name}: {headers[name]}" for name in names)
