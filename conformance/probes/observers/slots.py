"""llama.cpp's /slots: which of its places are taken, and how many tokens each has decoded. Knows no other server."""

import json
import math
from typing import Any

from conformance.probes.bench import Sleep
from conformance.probes.performing import Stage

from .fetching import beside, fetch
from .gauge import Gauge
from .looking import Reading

PATH = "/slots"
IDLE = 0
"""Of `state`, in versions before is_processing."""


def slots(stage: Stage, sleep: Sleep, *, url: str = "") -> Gauge:
    """An observer of the slots at `url`, the server's own if that is empty."""
    where = url or beside(stage.endpoint.url, PATH)
    count = _Count()

    async def read() -> Reading | str:
        page = await fetch(stage, where)
        if page.trouble:
            return page.trouble
        try:
            value = json.loads(page.text)
        except (ValueError, RecursionError):
            value = None
        return _reading(value, count) or f"{page.url} is no list of slots"

    return Gauge(name="slots", says=f"the slots at {where}", read=read, clock=stage.clock, sleep=sleep, forgets=True)


class _Count:
    """Tokens decoded in all slots together: what each slot counts starts again with its next request."""

    def __init__(self) -> None:
        self.total = 0.0
        self._last: dict[object, float] = {}

    def take(self, slot: object, decoded: float) -> None:
        """A slot has come so far."""
        before = self._last.get(slot, 0.0)
        self.total += decoded - before if decoded >= before else decoded
        self._last[slot] = decoded


def _reading(value: object, count: _Count) -> Reading | None:
    """What a list of slots says; None for anything else."""
    if not isinstance(value, list) or not value or not all(isinstance(slot, dict) for slot in value):
        return None
    taken = [_taken(slot) for slot in value]
    if None in taken:
        return None
    decoded = [_decoded(slot) for slot in value]
    for place, tokens in enumerate(decoded):
        if tokens is not None:
            count.take(place, tokens)
    running = sum(state is True for state in taken)
    known = any(tokens is not None for tokens in decoded)
    return Reading(float(running), count.total if known else None, "slots taken:", f"{running} of {len(value)}")


def _taken(slot: dict[str, Any]) -> bool | None:
    """Whether a slot is at work; None where it does not say so in any known way."""
    if isinstance(at_work := slot.get("is_processing"), bool):
        return at_work
    state = slot.get("state")
    return None if not isinstance(state, int) else state != IDLE


def _decoded(slot: dict[str, Any]) -> float | None:
    """Tokens decoded for a slot's request: in `next_token`, an object or a list of one, or in the slot itself."""
    inner = slot.get("next_token")
    places = [*(inner if isinstance(inner, list) else [inner]), slot]
    for place in places:
        if isinstance(place, dict) and isinstance(made := place.get("n_decoded"), int | float):
            return float(made) if math.isfinite(made) and made >= 0 else None
    return None
