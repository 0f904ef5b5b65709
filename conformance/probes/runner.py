"""All probes against one endpoint, side by side. Knows no rule and prints nothing.

The first probe goes alone: when the endpoint cannot be reached, that is known at once and `Unreachable` is raised.
Later a probe that finds no connection is an exchange without a head, like any other in which the server did wrong. A
target that no longer gets anywhere is given up (`Silent`) instead of being waited for once per probe.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from conformance.protocols.exchange import Ending, Exchange

from .catalogue import Probe, requests_of
from .connection import Clock, Dial, Unreachable, connect
from .endpoint import Endpoint
from .intake import Budget
from .performing import SILENT, Stage, close, perform
from .recorder import record

PATIENCE = 2 * SILENT
"""Trouble in a row before a target is given up: two exchanges without a head, or four that time out later."""
WORKERS = 4
NOTHING: Mapping[str, str] = MappingProxyType({})

Progress = Callable[[Probe, Exchange], None]


class Silent(Unreachable):
    """The target was reached, and gets nowhere. `exchanges` is what was recorded until then, in probe order."""

    def __init__(self, message: str, exchanges: list[Exchange]) -> None:
        super().__init__(message)
        self.exchanges = exchanges


@dataclass(slots=True)
class _Run:
    """The probes of one run, and what came of them."""

    stage: Stage
    probes: list[Probe]
    on_progress: Progress | None
    done: dict[str, Exchange] = field(default_factory=dict)

    def exchanges(self) -> list[Exchange]:
        """What there is, in the order of the probes."""
        return [self.done[probe.name] for probe in self.probes if probe.name in self.done]

    async def step(self, probe: Probe, *, must: bool = False) -> None:
        """Perform one probe; give up when the target is beyond hope."""
        exchange = await perform(self.stage, probe, must=must)
        self.done[probe.name] = exchange
        if self.on_progress is not None:
            self.on_progress(probe, exchange)
        if self.stage.trouble >= PATIENCE and not await self._still_works():
            raise Silent(self._why(), self.exchanges())

    async def work(self, waiting: Iterator[Probe]) -> None:
        """What each worker does."""
        for probe in waiting:
            await self.step(probe)

    async def _still_works(self) -> bool:
        """Whether the request that all began with, sent once more and not recorded, comes to an end."""
        stage = self.stage
        if not stage.answered:
            return False
        stage.trouble = 0
        request = requests_of(self.probes[0], url=stage.endpoint.url, model=stage.endpoint.model)[-1]
        try:
            connection = await stage.dial(stage.endpoint, stage.clock)
        except Unreachable:
            return False
        try:
            exchange = await record(connection, stage.endpoint, request, budget=stage.budget)
        finally:
            await close(connection)
        return exchange.ending is not Ending.TIMEOUT

    def _why(self) -> str:
        where, limits = f"{self.stage.endpoint.host}:{self.stage.endpoint.port}", self.stage.endpoint.limits
        allowed = f"{limits.head_s:g} s for the response head and {limits.exchange_s:g} s in all"
        if not self.stage.answered:
            return (
                f"{where} takes connections, but no request came to an end within {allowed}; see whether the model is "
                "loaded and the url is right, or allow a slow server more time"
            )
        return (
            f"{where} answers no more: {len(self.done)} of {len(self.probes)} probes were done when the first request, "
            f"sent once more, did not come to an end within {allowed}; see the server's log"
        )


async def run(
    endpoint: Endpoint,
    probes: Iterable[Probe],
    *,
    features: Collection[str] = (),
    workers: int = WORKERS,
    record_to: Path | None = None,
    notes: Mapping[str, str] = NOTHING,
    on_progress: Progress | None = None,
    clock: Clock = time.monotonic,
    dial: Dial = connect,
) -> list[Exchange]:
    """One exchange per probe that asks for no feature, or for one of `features`; its companion is `beside` it.

    With `record_to`, every exchange becomes a recording in that folder while it happens, `notes` in its source.
    Raises Unreachable, Silent, and ValueError where the configuration cannot be used.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers do nothing; write 1 or more")
    chosen = [probe for probe in probes if probe.runs_on(features)]
    stage = Stage(
        endpoint=endpoint, budget=Budget(endpoint.limits), record_to=record_to, clock=clock, notes=notes, dial=dial
    )
    running = _Run(stage, chosen, on_progress)
    waiting = iter(chosen)
    if (first := next(waiting, None)) is None:
        return []
    await running.step(first, must=True)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(running.work(waiting))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return running.exchanges()
