"""A whole campaign against a target: reach it or start it, find out what it is like, fuzz it, and look at it again.

Prints nothing; knows no command line.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import replace
from typing import Any

from conformance.probes.connection import connect
from conformance.probes.endpoint import Endpoint
from conformance.probes.performing import close
from conformance.protocols.chat import dialects

from .asking import Asker, Caps, Over
from .calibrating import Calibrated, calibrate, slower
from .campaign import Campaign, Found, Order
from .cases import PLAIN, Case, Seen
from .judging import Court
from .requests import Offer

Started = Callable[[], AbstractAsyncContextManager[Any]]
"""Starts the server for the length of a with block."""


@contextmanager
def over_network(endpoint: Endpoint, caps: Caps, started: Started | None = None) -> Iterator[Asker]:
    """Who asks a server at the other end of a socket; one that is started here is started again when it has died."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def begin() -> None:
            if started is not None:
                await stack.enter_async_context(started())

        async def again() -> None:
            await stack.aclose()
            await begin()

        runner.run(begin())
        try:
            yield Asker(
                runner=runner,
                endpoint=endpoint,
                dial=connect,
                clock=time.monotonic,
                caps=caps,
                patience=min(endpoint.limits.exchange_s, 30.0),
                revival=again if started is not None else None,
            )
        finally:
            runner.run(stack.aclose())


def fuzz(
    asker: Asker, court: Court, offer: Offer, order: Order, dialect: str, begun: Callable[[Campaign], None]
) -> Campaign:
    """Make a campaign. `begun` is told before the first example is sent.

    Raises Unreachable, and Unfit where nothing can be fuzzed.
    """
    asker.run(_reach(asker))
    found = calibrate(asker, declared="deterministic" in offer.features)
    if dialect == dialects.AUTO:
        court = replace(court, dialect=dialects.choose(dialect, found.exchanges).dialect)
    offer = replace(offer, deterministic=found.deterministic)
    campaign = Campaign(asker, court, offer, order)
    begun(campaign)
    campaign.run()
    if not campaign.ended:
        _look_again(campaign, found)
    return campaign


async def _reach(asker: Asker) -> None:
    """See that connections are taken; the text of what is raised otherwise says what to do."""
    await close(await asker.dial(asker.endpoint, asker.clock))


def _look_again(campaign: Campaign, before: Calibrated) -> None:
    """Whether the server is as fast as it was."""
    try:
        fault = slower(campaign.asker, before.times)
    except Over as over:
        campaign.ended = str(over)
        return
    if fault is not None:
        into = campaign.found if fault.red else campaign.remarks
        into[fault.kind] = Found(fault, Case(PLAIN), Seen(), campaign.examples)
