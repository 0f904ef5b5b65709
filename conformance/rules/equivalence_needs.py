"""Needs of rules that compare two answers: to the same request, to one sent in another way, to one with another n."""

from collections.abc import Callable

from conformance.protocols.exchange import Exchange, Request

from .determinism import undetermined
from .need import Need, brings_stream, was_read


def _beside_a_stream(exchange: Exchange) -> bool:
    return exchange.beside is not None and was_read(exchange.beside)


def _sent(exchange: Exchange, probe: str) -> bool:
    """The plain request got a stream, and the other one an answer."""
    beside = exchange.beside
    return exchange.probe == probe and exchange.head is not None and beside is not None and brings_stream(beside)


def _temperature(exchange: Exchange) -> float:
    """The temperature that was asked for, 1 where none was."""
    asked = exchange.member("temperature")
    return asked if isinstance(asked, int | float) else 1


def _asked_twice(exchange: Exchange) -> bool:
    beside = exchange.beside
    same = beside is not None and beside.request.body == exchange.request.body
    return same and was_read(exchange) and _beside_a_stream(exchange)


def _saying(**members: object) -> Callable[[Request], bool]:
    """Whether a request has these members: how a server tells one pair of requests from the others."""

    def says(request: Request) -> bool:
        body = request.body
        return isinstance(body, dict) and all(body.get(name) == value for name, value in members.items())

    return says


REPEATED = Need(
    name="two streams for the same request at temperature 0",
    fits=lambda e: _asked_twice(e) and _temperature(e) == 0 and e.probe == "repeat",
    probes=("repeat",),
    protocol="chat",
    feature="deterministic",
    alone=False,
    second=_saying(temperature=0, seed=3),
)
SEEDED = Need(
    name="two streams for the same request with a seed, at a temperature above 0",
    fits=lambda e: _asked_twice(e) and _temperature(e) > 0 and e.probe == "repeat-seed",
    probes=("repeat-seed",),
    protocol="chat",
    feature="seed",
    alone=False,
    second=_saying(temperature=1, seed=7),
)
CHOICES_BESIDE_ONE = Need(
    name="the same request with n and without",
    fits=lambda e: was_read(e) and _beside_a_stream(e) and e.probe == "choices-beside-one",
    probes=("choices-beside-one",),
    protocol="chat",
    feature="deterministic",
    alone=False,
    unless=undetermined,
)
SENT_IN_BYTES = Need(
    name="a request sent one byte at a time",
    fits=lambda e: _sent(e, "sent-in-bytes"),
    probes=("sent-in-bytes",),
    alone=False,
    second=_saying(max_tokens=40),
)
SENT_CHUNKED = Need(
    name="a request with a chunked body",
    fits=lambda e: _sent(e, "sent-chunked"),
    probes=("sent-chunked",),
    alone=False,
    second=_saying(max_tokens=41),
)
SENT_IN_CAPITALS = Need(
    name="a request with header names in capitals",
    fits=lambda e: _sent(e, "sent-in-capitals"),
    probes=("sent-in-capitals",),
    alone=False,
    second=_saying(max_tokens=42),
)
SENT_BY_CLIENTS = Need(
    name="a request for a stream that accepts application/json",
    fits=lambda e: _sent(e, "sent-by-clients"),
    probes=("sent-by-clients",),
    alone=False,
    second=_saying(max_tokens=43),
)
