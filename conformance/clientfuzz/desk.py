"""What is asked beside the cases by whoever drives a client by URLs: the list, reports, the end. Judges no case.

GET /cases    POST /case/NUMBER/report    POST /done
"""

import asyncio
from collections.abc import Callable

from aiohttp import web

from conformance.wire.script import Answer

from .case import Case
from .contract import KEYS, Report, report_in
from .origins import Origins, preflight, readable
from .serving import MODEL, Visit
from .streams import document

LONGEST = 4 * 1024 * 1024
"""Bytes of a report."""
MOST = 64 * 1024 * 1024
"""Bytes of all reports."""


class Desk:
    """Keeps the reports with the visits. Lives in the loop of the server."""

    def __init__(self, origins: Origins, unfit: Callable[[Case, Visit, Report], str]) -> None:
        self._origins, self._unfit = origins, unfit
        self._taken, self._ending = 0, False
        self.visits: list[tuple[Case, Visit]] = []
        """In the order of the list."""
        self.done = asyncio.Event()
        """Somebody has said that this was all."""

    def answer(self, request: web.BaseRequest, raw: bytes, visit: Visit | None, rest: str) -> Answer | None:
        """What to answer; None where a case is to be played."""
        origin = request.headers.get("origin", "")
        if not self._origins.admits(origin):
            return _refusal(403, f"pages of {origin} may not use this server; start it with --origin {origin}")
        if origin and request.method == "OPTIONS":
            return preflight(request.headers.get("access-control-request-headers", ""))
        match request.method, request.path:
            case "POST", _ if visit is not None and rest == "report":
                return self._report(raw, visit)
            case "GET", "/cases":
                return self._list(f"http://{request.host}")
            case "POST", "/done":
                self._ending = True
                return document(200, self._count())
            case _ if visit is None or rest == "report":
                return _refusal(
                    404, "GET /cases lists the cases; POST /case/NUMBER/report reports on one; POST /done ends this"
                )
        return None

    def dressed(self, request: web.BaseRequest, answer: Answer) -> Answer:
        """As the page that asks may read it."""
        origin = request.headers.get("origin", "")
        return readable(answer, origin) if self._origins.admits(origin) else answer

    def answered(self, _: web.BaseRequest) -> None:
        """What was asked for has gone out: if that was the end, it is the end."""
        if self._ending:
            self.done.set()

    def _list(self, url: str) -> Answer:
        cases = [
            {
                "number": visit.number,
                "case": case.id,
                "says": case.says,
                "base_url": f"{url}/case/{visit.number}/v1",
                "report": f"{url}/case/{visit.number}/report",
            }
            for case, visit in self.visits
        ]
        return document(200, {"count": len(cases), "model": MODEL, "done": f"{url}/done", "cases": cases})

    def _count(self) -> dict[str, int]:
        asked = sum(bool(visit.requests) for _, visit in self.visits)
        reported = sum(visit.report is not None for _, visit in self.visits)
        return {"count": len(self.visits), "asked": asked, "reported": reported}

    def _report(self, raw: bytes, visit: Visit) -> Answer:
        if visit.hung:
            return _refusal(409, f"too late: it was still connected {visit.patience:g} s after its request")
        if len(raw) > LONGEST or self._taken + len(raw) > MOST:
            return _refusal(413, f"a report may have {LONGEST} bytes, and all of them {MOST}")
        report = report_in(raw)
        if report is None:
            return _refusal(400, f"a report is a JSON object with at least one of {', '.join(KEYS)}")
        case = next(case for case, one in self.visits if one is visit)
        if problem := self._unfit(case, visit, report):
            return _refusal(422, problem)
        self._taken += len(raw)
        visit.report = report
        return document(200, {"case": case.id, "reported": True})


def _refusal(status: int, message: str) -> Answer:
    return document(status, {"error": {"message": message, "code": None}})
