"""Which recording answers a request, and how a request that none answers differs from the nearest one.

Knows no file and no socket. A chat request is one wherever it is sent to; anything else goes by its path.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from conformance.protocols.credentials import without_credentials_in_body
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import shorten, show
from conformance.protocols.imports.assume import NOT_RECORDED
from conformance.protocols.reading import protocol_of
from conformance.wire.script import Answer

from . import answering, recorded, routes
from .answering import Settings
from .scenarios.book import Chosen

PASSED_OVER = ("user", "metadata", "store", "safety_identifier", "prompt_cache_key", "service_tier")
"""Members that say who asks, or what becomes of it, and nothing about the answer."""
NO_MATCH = "recording_not_matched"
TOLD = 5
"""Differences that a refusal names."""
COMPARED = 200
"""Differences up to which two requests are compared."""
FINAL, LAST = 200, 999
"""Statuses of a response; without a head it is 0."""
UNTOLD = f"http://{NOT_RECORDED.replace(' ', '-')}"
"""How the URL of a request begins that was not recorded."""
GAP = object()

Difference = tuple[str, object, object]
"""Where, by JSON pointer; what the recording has, what the request has; GAP for nothing."""


@dataclass(slots=True)
class _Take:
    """The recordings of one request, in their order: one for each time that it is asked; the last one again."""

    exchanges: list[Exchange] = field(default_factory=list)
    turn: int = 0

    def next(self) -> Exchange:
        """What comes now."""
        self.turn += 1
        return self.exchanges[min(self.turn, len(self.exchanges)) - 1]


class Replay:
    """Answers from recordings."""

    def __init__(self, exchanges: Iterable[Exchange], speed: float = 1.0, ignore: Sequence[str] = ()) -> None:
        """`ignore` names members of the body that need not be the same, besides PASSED_OVER.

        An exchange without a response head cannot be answered again; `left_out` counts them. Raises ValueError where
        nothing is left.
        """
        self.left_out = 0
        self._speed = speed
        self._ignored = frozenset((*PASSED_OVER, *ignore))
        self._same: dict[str, _Take] = {}
        self._alike: dict[str, _Take] = {}
        self._untold: dict[str, _Take] = {}
        self._all: dict[str, list[Exchange]] = {}
        self._models: dict[str, None] = {}
        for exchange in exchanges:
            self._add(exchange)
        if not self._all:
            raise ValueError("none of the recordings has a response")

    def reset(self) -> None:
        """Every request is asked for the first time again."""
        for takes in (self._same, self._alike, self._untold):
            for take in takes.values():
                take.turn = 0

    def choose(self, request: Request) -> Exchange | None:
        """The recording that answers; None where there is none. Raises RecursionError on what is nested too deeply."""
        place, body = _place(request), without_credentials_in_body(request.body)
        takes = (
            self._same.get(_key(place, body)),
            self._alike.get(_key(place, self._without(body))),
            self._untold.get(place),
        )
        return next((take.next() for take in takes if take is not None), None)

    def respond(self, request: Request, settings: Settings, chosen: Chosen) -> Answer:
        """What was recorded, at the speed of this replay; `chosen` learns where that stands. Else a refusal."""
        try:
            exchange = self.choose(request)
            if exchange is not None:
                chosen.entry = exchange.source
                return recorded.answer_of(exchange, self._speed)
            if request.path == routes.MODELS or request.path.startswith(f"{routes.MODELS}/"):
                return routes.respond(request, replace(settings, models=tuple(self._models) or settings.models))
            return self.refusal(request)
        except RecursionError:
            return answering.refusal(400, "The body of the request is nested too deeply.")

    def refusal(self, request: Request) -> Answer:
        """What is answered where no recording does: how the request differs from the nearest one."""
        place, body = _place(request), self._without(without_credentials_in_body(request.body))
        known = self._all.get(place, ())
        nearest: tuple[Exchange, list[Difference]] | None = None
        for exchange in known:
            most = len(nearest[1]) if nearest else COMPARED
            found = list(islice(differences(self._without(exchange.request.body), body), most))
            if nearest is None or len(found) < most:
                nearest = exchange, found
        if nearest is None:
            there = ", ".join(sorted(self._all))
            return answering.refusal(
                404, f"No recording is of {shorten(place)}; there are some of {shorten(there)}.", code=NO_MATCH
            )
        exchange, found = nearest
        told = [f"{where or 'the body'}: wanted {_shown(wanted)}, got {_shown(got)}" for where, wanted, got in found]
        more = [f"and {len(told) - TOLD} more differences"] if len(told) > TOLD else []
        says = "; ".join([*told[:TOLD], *more])
        message = (
            f"No recording matches this request. The nearest, {shorten(exchange.source or 'one')}, differs at {says}."
        )
        return answering.refusal(400, message, param=shorten(found[0][0]) if found else None, code=NO_MATCH)

    def _add(self, exchange: Exchange) -> None:
        if not FINAL <= exchange.status <= LAST:
            self.left_out += 1
            return
        request = exchange.request
        place = _place(request)
        if request.url.startswith(UNTOLD):
            _append(self._untold, place, exchange)
        else:
            _append(self._same, _key(place, request.body), exchange)
            _append(self._alike, _key(place, self._without(request.body)), exchange)
        self._all.setdefault(place, []).append(exchange)
        if exchange.status == 200 and isinstance(model := exchange.member("model"), str) and model != NOT_RECORDED:
            self._models[model] = None

    def _without(self, body: object) -> object:
        """The body without what is ignored."""
        if not isinstance(body, Mapping) or self._ignored.isdisjoint(body):
            return body
        return {name: value for name, value in body.items() if name not in self._ignored}


def differences(wanted: object, got: object) -> Iterator[Difference]:
    """Where two JSON values differ, in the order of their members."""
    stack: list[Difference] = [("", wanted, got)]
    while stack:
        where, wanted, got = stack.pop()
        if isinstance(wanted, dict) and isinstance(got, dict):
            names = [*wanted, *(name for name in got if name not in wanted)]
            pairs = [(_step(name), wanted.get(name, GAP), got.get(name, GAP)) for name in names]
        elif isinstance(wanted, list) and isinstance(got, list):
            most = max(len(wanted), len(got))
            pairs = [(str(at), _item(wanted, at), _item(got, at)) for at in range(most)]
        else:
            kinds_differ = (type(wanted) is bool) is not (type(got) is bool)  # to Python, true is 1
            if kinds_differ or wanted != got:
                yield where, wanted, got
            continue
        stack += [(f"{where}/{name}", one, other) for name, one, other in reversed(pairs)]


def _item(values: list[object], at: int) -> object:
    return values[at] if at < len(values) else GAP


def _step(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")


def _shown(value: object) -> str:
    return "nothing" if value is GAP else show(value)


def _append(takes: dict[str, _Take], key: str, exchange: Exchange) -> None:
    """Add a take; one that broke off comes after those that are whole."""
    found = takes.setdefault(key, _Take()).exchanges
    whole = exchange.ending is Ending.EOF
    place = len(found)
    while whole and place and found[place - 1].ending is not Ending.EOF:
        place -= 1
    found.insert(place, exchange)


def _place(request: Request) -> str:
    return f"{request.method} {protocol_of(request) or request.path.rstrip('/')}"


def _key(place: str, body: object) -> str:
    """The request as canonical JSON."""
    return f"{place}\n{json.dumps(_canonical(body), sort_keys=True)}"


def _canonical(value: object) -> object:
    """1.0 is 1 in JSON."""
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_canonical(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
