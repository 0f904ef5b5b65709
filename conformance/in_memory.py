"""Connections to a server in this process: `dial` in the place of sockets, for code that runs on a `VirtualLoop`."""

import asyncio
from collections.abc import Callable

from conformance.probes.connection import Clock, Connection, Dial
from conformance.probes.endpoint import Endpoint
from conformance.simulation import link


def dialling(accept: Callable[[], asyncio.Protocol]) -> Dial:
    """How a connection is made to the server whose side of it `accept` makes."""

    async def dial(_: Endpoint, clock: Clock) -> Connection:
        connection = Connection(clock)
        link(connection, accept())
        return connection

    return dial
