"""Rate limits as OpenAI has them: how many requests may come in a time, and what the headers say of it.

Requests come back little by little, not all at once: sixty a minute are one a second, and up to sixty in a row after a
quiet minute. Knows no clock and no socket; one limit for all clients.
"""

import math
import re
from dataclasses import dataclass

WINDOWS = {"s": 1.0, "m": 60.0, "h": 3600.0}
NAMES = {"s": "second", "m": "minute", "h": "hour"}
RATE = re.compile(r"([1-9][0-9]{0,8})/([smh])", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a "s", "m" or "h"."""

    requests: int
    unit: str

    @property
    def each(self) -> float:
        """Seconds until one more request may come."""
        return WINDOWS[self.unit] / self.requests


def read(text: str) -> Rate:
    """A rate as it is written, "60/m". Raises ValueError with what to write instead."""
    found = RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate; write 10/s, 60/m or 1000/h")
    return Rate(int(found[1]), found[2])


class Meter:
    """Counts the requests of one server."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._full_at = -math.inf
        """When as many requests may come as ever."""

    def take(self, now: float) -> float:
        """Seconds to wait until a request may come; 0.0 where it may now, and then it is counted."""
        window = WINDOWS[self.rate.unit]
        full_at = max(now, self._full_at) + self.rate.each
        if full_at - now > window + 1e-9:
            return full_at - now - window
        self._full_at = full_at
        return 0.0

    def headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """What is told of the limit."""
        until = max(0.0, self._full_at - now)
        left = math.floor((WINDOWS[self.rate.unit] - until) / self.rate.each + 1e-6)
        return (
            ("x-ratelimit-limit-requests", str(self.rate.requests)),
            ("x-ratelimit-remaining-requests", str(max(0, left))),
            ("x-ratelimit-reset-requests", duration(until)),
        )


def duration(seconds: float) -> str:
    """Seconds as OpenAI writes them: "120ms", "1.5s", "6m0s", "1h0m0s"."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text
