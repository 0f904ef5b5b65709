"""Which pages of a browser may use the server of cases, and what lets them read its answers. Knows no case.

Pages of this machine may; others have to be named, or any page that is open somewhere could report in a client's place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from conformance.wire.script import Act, Answer, Framing, Send, whole

LOCAL = ("localhost", "127.0.0.1", "::1")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] [2-5]\d\d[^\r\n]*(\r?\n)")
"""Of a final response."""
MINUTES = 600
"""Seconds for which a browser need not ask again."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that are let in."""

    named: Sequence[str] = ()

    def admits(self, origin: str) -> bool:
        """Whether a request with this header may come in; one without it comes from no page."""
        try:
            return not origin or origin in self.named or urlsplit(origin).hostname in LOCAL
        except ValueError:
            return False


def preflight(asked_headers: str) -> Answer:
    """What a browser asks before it sends a request; these are the headers that the page wants to send."""
    headers = (
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", asked_headers or "content-type"),
        ("access-control-allow-private-network", "true"),
        ("access-control-max-age", str(MINUTES)),
    )
    return Answer(200, headers, (), Framing.LENGTH)


def readable(answer: Answer, origin: str) -> Answer:
    """The answer as a page of this origin may read it. One that has no status line stays as it is, and unreadable."""
    if not origin:
        return answer
    headers = (("access-control-allow-origin", origin), ("vary", "origin"))
    if answer.framing is not Framing.RAW:
        return replace(answer, headers=(*answer.headers, *headers))
    lines = [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers]
    acts: list[Act] = []
    for act in (every := list(whole(answer).acts)):
        if isinstance(act, Send) and (found := STATUS_LINE.search(act.data)):
            data = act.data[: found.end()] + b"".join(line + found[1] for line in lines) + act.data[found.end() :]
            acts += [Send(data), *every[len(acts) + 1 :]]
            return replace(answer, acts=tuple(acts), told=None)
        acts.append(act)
    return answer
