"""A whole run: is the gateway wired to us, what does leaving do, what becomes of each situation. Prints nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.cancellation import Manner
from conformance.probes.connection import Clock, Dial, Unreachable, connect
from conformance.probes.endpoint import Endpoint
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.exchange import Ending
from mockserver.upstream import Upstream

from .answers import outcome
from .asking import Stand
from .change import Change
from .comparing import compare
from .delays import Figures, figures_of
from .leaving import Conclusion, Left, conclude, overall
from .pair import Pair
from .situations import ALL, Situation
from .situations.leaving import LEAVINGS, WAYS, Leaving

DEADLINE = 5.0
"""Seconds in which a client's leaving has to reach the upstream."""
SECOND_TRIES = 3
"""Leavings that are tried once more: each takes seconds."""
AGAIN = 0.5
"""Seconds between two looks at a gateway that is awaited."""
PATIENCE = 3
"""Answers in a row that do not come in time before a gateway is given up."""


class NotWired(Exception):  # noqa: N818 - a state of the gateway, in the words of its report
    """No request reaches our upstream through the gateway; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Result:
    """One situation, and what the gateway made of it."""

    situation: Situation
    changes: tuple[Change, ...]
    forwarded: bool
    outcome: str
    """What the client got, in a line."""
    figures: Figures | None

    @property
    def red(self) -> bool:
        """A client is misled."""
        return any(change.sort.red for change in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReport:
    """What a run found."""

    url: str
    model: str
    upstream: str
    started: str
    seconds: float
    results: tuple[Result, ...]
    lefts: tuple[Left, ...]
    conclusions: tuple[Conclusion, ...]
    problem: str = ""
    """Why the run could not be made whole."""

    @property
    def named(self) -> Manner:
        """The class of the gateway: the worse of its two."""
        return overall(self.conclusions)

    @property
    def red(self) -> int:
        """Situations and leavings in which a client, or who pays, is misled."""
        return sum(result.red for result in self.results) + sum(left.red for left in self.lefts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be tried."""

    situations: tuple[Situation, ...] = ALL
    leavings: tuple[Leaving, ...] = LEAVINGS
    deadline: float = DEADLINE

    @classmethod
    def of(cls, patterns: Sequence[str], deadline: float = DEADLINE) -> "Choice":
        """What these globs match, by name ("leaving/NAME" for those). Raises LookupError where one matches nothing."""
        names = [*(each.name for each in ALL), *(leaving_name(each) for each in LEAVINGS)]
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise LookupError(f"no situation matches {pattern!r}; there are {', '.join(names)}")

        def chosen(name: str) -> bool:
            return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)

        return cls(
            situations=tuple(each for each in ALL if chosen(each.name)),
            leavings=tuple(each for each in LEAVINGS if chosen(leaving_name(each))),
            deadline=deadline,
        )

    @property
    def steps(self) -> int:
        """How many times `on_progress` is called."""
        return len(self.situations) + (1 if self.leavings else 0)


def leaving_name(leaving: Leaving) -> str:
    """What a leaving is called for --only."""
    return f"leaving/{leaving.name}"


EVERYTHING = Choice()
OnProgress = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class _Run:
    stand: Stand
    choice: Choice
    advertised: str
    wait: float
    on_progress: OnProgress
    results: list[Result] = field(default_factory=list)
    lefts: list[Left] = field(default_factory=list)
    problem: str = ""

    async def check(self) -> None:
        """One good stream, first of all: does it reach us? A gateway's first request may take long."""
        until = self.stand.clock() + self.wait
        while True:
            late = self.stand.clock() >= until
            try:
                pair = await self.stand.ask(ALL[0], must=True)
            except Unreachable:
                if late:
                    raise
            else:
                if pair.forwarded:
                    return
                if late:
                    raise NotWired(_what_to_do(pair, self.advertised))
            await asyncio.sleep(AGAIN)

    async def leave(self) -> None:
        """All leavings side by side; a few that a busy gateway did not forward in time once more, alone."""
        wanted = [(leaving, by) for by in WAYS for leaving in self.choice.leavings]
        deadline, again = self.choice.deadline, SECOND_TRIES
        lefts = await asyncio.gather(*(self.stand.leave(leaving, by, deadline) for leaving, by in wanted))
        for left, (leaving, by) in zip(lefts, wanted, strict=True):
            if again > 0 and (left.problem or not left.reached):
                again -= 1
                self.lefts.append(await self.stand.leave(leaving, by, deadline))
            else:
                self.lefts.append(left)

    async def situations(self) -> None:
        """One after the other: what is timed shall not be disturbed."""
        silent = 0
        for situation in self.choice.situations:
            pair = await self.stand.ask(situation)
            self.results.append(Result(situation, tuple(compare(pair)), pair.forwarded, outcome(pair), _figures(pair)))
            self.on_progress(situation.name)
            silent = silent + 1 if pair.got.ending in (Ending.TIMEOUT, Ending.CUT) else 0
            if silent >= PATIENCE:
                self.problem = (
                    f"the gateway was given up: {silent} answers in a row did not end in "
                    f"{self.stand.endpoint.limits.exchange_s:g} s each; see its log, or allow more with --timeout"
                )
                return


async def run_gateway(
    endpoint: Endpoint,
    upstream: Upstream,
    *,
    choice: Choice = EVERYTHING,
    advertised: str = "",
    record_to: Path | None = None,
    wait: float = 0.0,
    on_progress: OnProgress = lambda _: None,
    clock: Clock,
    dial: Dial = connect,
) -> GatewayReport:
    """Try everything on a gateway that forwards to `upstream`, which listens already, after up to `wait` seconds.

    Raises Unreachable and NotWired where nothing can be tried.
    """
    began, started = clock(), datetime.now(UTC)
    stand = Stand(endpoint=endpoint, upstream=upstream, clock=clock, dial=dial, record_to=record_to)
    run = _Run(stand=stand, choice=choice, advertised=advertised or upstream.url, wait=wait, on_progress=on_progress)
    await run.check()
    if choice.leavings:
        await run.leave()
        on_progress("leaving")
    await run.situations()
    return GatewayReport(
        url=without_credentials_in_url(endpoint.url),
        model=endpoint.model,
        upstream=run.advertised,
        started=started.isoformat(timespec="seconds"),
        seconds=clock() - began,
        results=tuple(run.results),
        lefts=tuple(run.lefts),
        conclusions=tuple(conclude(by, [left for left in run.lefts if left.by is by]) for by in WAYS)
        if run.lefts
        else (),
        problem=run.problem,
    )


def _figures(pair: Pair) -> Figures | None:
    return figures_of(pair) if pair.forwarded else None


def _what_to_do(pair: Pair, upstream: str) -> str:
    base = upstream.removesuffix("/v1")
    return (
        f"no request comes through: the gateway answered by itself ({outcome(pair)}), and nothing reached {upstream}. "
        "Let the gateway forward to it and run this again:\n"
        f"  nginx       proxy_pass {base};\n"
        f"  HAProxy     server upstream {base.partition('://')[2]}\n"
        f"  LiteLLM     litellm_params: {{model: openai/NAME, api_base: {upstream}, api_key: any}}\n"
        f"  OpenAI SDK  base_url={upstream}\n"
        "In a container, say with --listen 0.0.0.0:PORT and --advertise how it is reached from there."
    )
