"""Answers within a rate limit: each is told of it, and who comes too soon is refused. Knows no clock and no socket."""

import math
from collections.abc import Callable
from dataclasses import replace

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer

from . import answering, routes
from .answering import Settings
from .rates import NAMES, Meter, duration


def metered(request: Request, settings: Settings, meter: Meter, now: float, respond: Callable[[], Answer]) -> Answer:
    """What `respond` gives, or 429; requests without a key that is let in, and for lists of models, do not count."""
    if request.method != "POST" or routes.METHODS.get(request.path) != "POST":
        return respond()
    if answering.locked(request, settings) is not None:
        return respond()
    wait = meter.take(now)
    answer = routes.in_dialect(_too_soon(meter, wait), request, settings) if wait else respond()
    return replace(answer, headers=(*answer.headers, *meter.headers(now)))


def _too_soon(meter: Meter, wait: float) -> Answer:
    """The refusal; `type` says of which of OpenAI's limits it speaks."""
    per = f"{meter.rate.requests} requests per {NAMES[meter.rate.unit]}"
    message = f"Rate limit reached: {per}. Please try again in {duration(wait)}."
    headers = (("retry-after", str(math.ceil(wait))), ("retry-after-ms", str(math.ceil(wait * 1000))))
    return answering.refusal(429, message, "requests", code="rate_limit_exceeded", headers=headers)
