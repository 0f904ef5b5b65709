"""A list of cases, some clients at once, results as they come. Knows no list by name and nothing of what they mean."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from .case import Case
from .control import CONTROLS, abilities, control_case
from .outcome import Abilities, Outcome, Verdict
from .playing import Limits, Result, play_case
from .processes import Client, Command
from .serving import CaseServer

Told = Callable[[Result], None]


@dataclass(slots=True)
class Field:
    """A server of cases, and the clients that are tried on it."""

    server: CaseServer
    command: Command
    limits: Limits
    clients: tuple[Client, ...]
    can: Abilities

    @property
    def said(self) -> dict[str, Any]:
        """What the client told of itself."""
        return self.clients[0].said

    async def play(self, case: Case) -> Result:
        """One case, on the first client."""
        return await play_case(case, self.server, self.clients[0], self.limits, self.can)

    async def play_all(self, cases: Sequence[Case], told: Told) -> None:
        """All of them, as many at once as there are clients; those at which one hangs a second time."""
        waiting = iter(cases)

        async def work(client: Client) -> None:
            for case in waiting:
                result = await play_case(case, self.server, client, self.limits, self.can)
                if result.outcome is Outcome.HANG:
                    result = twice(result, await play_case(case, self.server, client, self.limits, self.can))
                told(result)

        tasks = [asyncio.create_task(work(client)) for client in self.clients]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def check(self) -> None:
        """See what the client reports of plain streams. Raises NotAClientError, and OSError where it cannot start."""
        text, tools = [await self.play(control_case(*control)) for control in CONTROLS.items()]
        self.can = abilities(text, tools)


def twice(hung: Result, again: Result) -> Result:
    """A client that hung, and then did not, was late: a machine that is busy makes it so. To be looked at."""
    if again.verdict is not Verdict.PASS:
        return again
    says = f"{hung.judgement.says}; the second time all was well"
    return replace(again, judgement=replace(hung.judgement, verdict=Verdict.WARN, says=says))


@asynccontextmanager
async def field(command: Command, limits: Limits, jobs: int) -> AsyncIterator[Field]:
    """Everything that a campaign needs; nothing has been asked of the client yet."""
    clients = tuple(command.client() for _ in range(jobs))
    async with CaseServer() as server:
        try:
            yield Field(server, command, limits, clients, Abilities())
        finally:
            for client in clients:
                await client.stop()
