"""One case, one client: serve it, wait for the report within bounds, and judge. Knows no list of cases."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer

from .case import Case, duration
from .content import Content
from .contract import Report, shortened
from .expectation import Expectation, Seen, expected
from .outcome import Abilities, Judgement, Outcome, Verdict, judged
from .processes import Asked, Client, ClientDiedError
from .serving import MODEL, CaseServer, Visit
from .signs import signs_of
from .unreported import unreported

START = 60.0
"""Seconds in which a client has to send its request: it may have much to load."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds."""

    case: float = 10.0
    """From the request to the report, besides what the answer itself takes."""
    start: float = START


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one client made of one case."""

    case: Case
    expectation: Expectation
    judgement: Judgement
    report: Report | None
    """Long texts cut: it is judged already."""
    requests: tuple[Request, ...]
    """What the client sent: more than one where it tried again."""
    played: Answer

    @property
    def verdict(self) -> Verdict:
        """PASS, WARN or FAIL."""
        return self.judgement.verdict

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        return self.judgement.outcome


def seen(case: Case, played: Answer) -> Seen:
    """A case as it is judged."""
    meant = _meaning(_Good(case.request, case.good))
    return Seen(meant=meant, signs=signs_of(case.request, played), legal=case.legal)


class _Good:
    """A good answer, told apart by identity: many cases share one."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self.request, self.answer = request, answer

    def __hash__(self) -> int:
        return id(self.answer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Good) and other.answer is self.answer


@lru_cache(maxsize=512)
def _meaning(good: _Good) -> Content:
    return signs_of(good.request, good.answer).said


async def play_case(case: Case, server: CaseServer, client: Client, limits: Limits, can: Abilities) -> Result:
    """Play it and judge what the client reports. Raises OSError where the client cannot be started."""
    visit = server.open(case.played)
    try:
        report, trouble = await _asked(case, visit, client, limits)
    finally:
        server.close(visit)
    return result_of(case, visit, report, can, trouble)


def result_of(
    case: Case, visit: Visit, report: Report | None, can: Abilities, trouble: Judgement | None = None
) -> Result:
    """What a client made of a case: by its report, by what kept it from coming, or by the wire alone."""
    played = visit.played or case.played
    view = seen(case, played)
    expectation = expected(view, case.authority, case.says)
    if report is not None and visit.played is None:
        trouble = Judgement(
            Outcome.CRASH, Verdict.FAIL, f"it reported without having asked: {report.error or 'no error'}"
        )
    if trouble is None:
        trouble = judged(report, view, expectation, can) if report is not None else unreported(case, visit, expectation)
    return Result(
        case=case,
        expectation=expectation,
        judgement=trouble,
        report=shortened(report) if report is not None else None,
        requests=tuple(visit.requests),
        played=played,
    )


async def _asked(case: Case, visit: Visit, client: Client, limits: Limits) -> tuple[Report | None, Judgement | None]:
    """The report, or what kept it from coming."""
    asking = asyncio.create_task(client.ask(Asked(visit.url, MODEL, case.id)))
    arriving = asyncio.create_task(visit.asked.wait())
    try:
        await asyncio.wait({asking, arriving}, timeout=limits.start, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done() and not visit.asked.is_set():
            return None, Judgement(Outcome.HANG, Verdict.FAIL, f"it did not ask within {limits.start:g} s")
        await asyncio.wait({asking}, timeout=limits.case + duration(case.played))
        if not asking.done():
            return None, Judgement(Outcome.HANG, Verdict.FAIL, f"no report within {limits.case:g} s of its request")
        return asking.result(), None
    except ClientDiedError as death:
        return None, Judgement(Outcome.CRASH, Verdict.FAIL, str(death))
    finally:
        for task in (asking, arriving):
            task.cancel()
            with suppress(asyncio.CancelledError, ClientDiedError, OSError):
                await task
