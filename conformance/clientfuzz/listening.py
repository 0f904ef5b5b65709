"""A campaign in which the client, or whoever drives it, goes through the cases by URLs. Knows no terminal.

Two plain streams come first, as in any campaign: what a client does not report of them is not asked of it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conformance.launching import ended_like_ctrl_c
from mockserver.hosting import hosted

from .case import Case, duration
from .contract import Report
from .control import CONTROLS, NotAClientError, abilities, control_case
from .desk import Desk
from .origins import Origins
from .outcome import Abilities
from .playing import Result, result_of
from .running import Made, Plan, call, keep
from .serving import CaseServer, Visit

TEXT, TOOLS = (control_case(*control) for control in CONTROLS.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the cases are served, and to whom."""

    host: str
    port: int
    origins: tuple[str, ...] = ()
    """Of pages elsewhere that may use it."""


def run(plan: Plan, site: Site, began: Callable[[str], None]) -> Made:
    """Serve until somebody says that this was all, or interrupts it. Raises OSError; `began` is told the URL."""
    made = Made(plan)
    desk = Desk(Origins(site.origins), _unfit)
    plan.folder.mkdir(parents=True, exist_ok=True)
    with ended_like_ctrl_c(), hosted(_served(plan, site, desk)) as host:
        stopped = False
        try:
            began(host.server.url)
            call(host, _until_done(desk))
        except KeyboardInterrupt:
            stopped = True
        made.can = host.call(lambda: _can(desk))
        made.results = host.call(lambda: _results(desk, made.can))
    made.interrupted = not made.results or (stopped and len(made.results) < len(plan.cases))
    keep(made)
    return made


@asynccontextmanager
async def _served(plan: Plan, site: Site, desk: Desk) -> AsyncIterator[CaseServer]:
    async with CaseServer(site.host, site.port, desk) as server:
        for case in (TEXT, TOOLS, *plan.cases):
            patience = plan.limits.case + duration(case.played)
            desk.visits.append((case, server.open(case.played, case.id, patience)))
        yield server


async def _until_done(desk: Desk) -> None:
    await desk.done.wait()


def _unfit(case: Case, visit: Visit, report: Report) -> str:
    """Why no client is judged that reports this of a plain stream; "" where it may go on."""
    if case is not TEXT:
        return ""
    result = result_of(case, visit, report, Abilities())
    try:
        abilities(result, result)
    except NotAClientError as problem:
        return str(problem)
    return ""


def _can(desk: Desk) -> Abilities:
    """What the client was seen to report of the plain streams; where it reported on none, it is taken to report all."""
    (_, text), (_, tools), *_ = desk.visits
    can = Abilities()
    if text.report is None:
        return can
    return abilities(result_of(TEXT, text, text.report, can), result_of(TOOLS, tools, tools.report, can))


def _results(desk: Desk, can: Abilities) -> dict[str, Result]:
    """What became of each case that was asked for, or reported on."""
    _, _, *visits = desk.visits
    met = [(case, visit) for case, visit in visits if visit.requests or visit.report is not None]
    return {case.id: result_of(case, visit, visit.report, can) for case, visit in met}
