"""What `streamspec gateway` says of real gateways, several of them side by side."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack

from conformance.gateway.running import Choice, GatewayReport, run_gateway
from conformance.probes.connection import By
from conformance.probes.endpoint import Endpoint, Limits
from mockserver.upstream import Upstream

from .program import Program, Running, started_or_skipped

DEADLINE = 3.0
"""Seconds in which leaving has to arrive: more than two events of the slow stream, so that all classes show."""
TRIED = ("leaving/*", "slow", "slow-gzip", "late", "cut", "reset", "clean-end", "error-event", "rate-limit")
LIMITS = Limits(exchange_s=20.0, head_s=20.0)

Seen = dict[str, int | None]
"""By situation: events that were sent for nobody, None where leaving did not arrive."""


def reports_of(programs: Sequence[Program]) -> Mapping[str, GatewayReport]:
    """By name of the program. Skips where one is not installed."""

    async def measured() -> dict[str, GatewayReport]:
        with ExitStack() as theirs:
            async with AsyncExitStack() as ours:
                upstreams = [await ours.enter_async_context(Upstream(time.monotonic, "any")) for _ in programs]
                started = [
                    asyncio.to_thread(
                        theirs.enter_context, started_or_skipped(program, upstream.url.removesuffix("/v1"))
                    )
                    for program, upstream in zip(programs, upstreams, strict=True)
                ]
                urls = [running.url for running in await _all_of(started)]
                reports = await asyncio.gather(*map(report_of, urls, upstreams))
        return {program.name: report for program, report in zip(programs, reports, strict=True)}

    return asyncio.run(measured())


async def _all_of(starting: Sequence[Awaitable[Running]]) -> list[Running]:
    """Wait for all of them, so that nothing is still being started when one cannot be."""
    made = await asyncio.gather(*starting, return_exceptions=True)
    for each in made:
        if isinstance(each, BaseException):
            raise each
    return [each for each in made if isinstance(each, Running)]


async def report_of(url: str, upstream: Upstream) -> GatewayReport:
    """Of one gateway that forwards to this upstream."""
    endpoint = Endpoint(url=url, model="any", key="none", limits=LIMITS)
    return await run_gateway(endpoint, upstream, choice=Choice.of(TRIED, DEADLINE), clock=time.monotonic)


def seen(report: GatewayReport, by: By) -> Seen:
    """What became of leaving in this way."""
    return {left.leaving.name: None if left.seen is None else left.sent_after for left in report.lefts if left.by is by}


def changes(report: GatewayReport, *kinds: str) -> dict[str, list[str]]:
    """By situation, the changes of these kinds; situations without any are left out."""
    found = {
        result.situation.name: [change.sort.name for change in result.changes if change.sort.kind.value in kinds]
        for result in report.results
    }
    return {name: names for name, names in found.items() if names}


def misleading(report: GatewayReport) -> dict[str, set[str]]:
    """By situation, the red changes."""
    found = {
        result.situation.name: {change.sort.name for change in result.changes if change.sort.red}
        for result in report.results
    }
    return {name: names for name, names in found.items() if names}
