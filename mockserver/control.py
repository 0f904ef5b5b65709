"""What may be changed while the server runs: its fault, its scenario, and all of it back to the start.

Who can reach a port of this machine is let in; from elsewhere a token is needed. Knows no socket.
"""

import hmac
import json
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Request
from conformance.protocols.finding import shorten
from conformance.wire.script import Answer

from . import answering, routes
from .scenarios import reading
from .scenarios.book import Given, shorten_lines

RESET, FAULT, SCENARIO = f"{routes.CONTROL}reset", f"{routes.CONTROL}fault", f"{routes.CONTROL}scenario"
TOKEN = "STREAMSPEC_CONTROL_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token."""
LOCAL = ("127.0.0.1", "::1", "localhost")
"""Names of this machine, under which nobody else can be meant."""
SCENARIO_MAXIMUM = 256 * 1024
"""Characters of a scenario that is sent; longer ones belong into a file."""
FORBIDDEN = "control_forbidden"


class Controlled(Protocol):
    """A server that can be told."""

    def use_fault(self, name: str | None) -> None:
        """Put this fault into the answers from now on. Raises LookupError."""

    def use_scenario(self, given: Given | None) -> None:
        """Reply by this scenario from now on. Raises ConfigurationError."""

    def reset(self) -> None:
        """Be as at the start."""

    def state(self) -> dict[str, object]:
        """What /health shows."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may control the server."""

    host: str = "127.0.0.1"
    """Where it listens."""
    token: str = ""

    def refuses(self, request: Request) -> Answer | None:
        """The refusal of a request that may not control it; None where it may.

        Without a token a web page could do it in the browser of somebody at this machine: it would send its own
        Origin, or come by another name of this machine (DNS rebinding).
        """
        if self.token:
            scheme, _, sent = (request.header("authorization") or "").partition(" ")
            if scheme.lower() == "bearer" and hmac.compare_digest(_bytes(sent.strip()), _bytes(self.token)):
                return None
            message = f"To control this server, send the token of {TOKEN} as 'Authorization: Bearer TOKEN'."
            return answering.refusal(401, message, code=FORBIDDEN, headers=(("www-authenticate", "Bearer"),))
        if self.host not in LOCAL:
            message = f"This server listens beyond its machine and has no token; start it with {TOKEN} set."
            return answering.refusal(403, message, code=FORBIDDEN)
        return self.refuses_pages(request)

    def refuses_pages(self, request: Request) -> Answer | None:
        """The refusal of what could come from a web page, where the server is for its own machine only."""
        named, origin = request.header("host") or "", request.header("origin")
        if self.host not in LOCAL or (_name(named) in LOCAL and origin in (None, f"http://{named}")):
            return None
        message = "Without a token this server is for its own machine only, and not for web pages."
        return answering.refusal(403, message, code=FORBIDDEN)


def answer(server: Controlled, request: Request, guard: Guard) -> Answer:
    """Do as the request says. The answer is what the server is like now, or why nothing has changed."""
    if request.path not in (RESET, FAULT, SCENARIO):
        return answering.refusal(404, f"There is {RESET}, {FAULT} and {SCENARIO}.", code="unknown_url")
    if request.method != "POST":
        message = f"'{shorten(request.method)}' is not allowed here; POST is."
        return answering.refusal(405, message, code="method_not_allowed", headers=(("allow", "POST"),))
    if (refused := guard.refuses(request)) is not None:
        return refused
    try:
        match request.path:
            case "/control/reset":
                server.reset()
            case "/control/fault":
                server.use_fault(_fault(request.body))
            case _:
                server.use_scenario(_scenario(request.body))
    except (LookupError, ConfigurationError, ValueError) as error:
        return answering.refusal(400, shorten_lines(str(error)), code="control_refused")
    return answering.document(server.state(), answering.mark_of(request, answering.Settings()))


def one_of_many() -> Answer:
    """The refusal of a server that is one process of several."""
    message = "This is one of several processes, and the others would not be told; start the server without --workers."
    return answering.refusal(409, message, code="control_refused")


def _fault(body: object) -> str | None:
    match body:
        case {"fault": None}:
            return None
        case {"fault": str(name)} if name:
            return name
        case _:
            raise ValueError('send {"fault": "chat/termination/done-sent"}, or {"fault": null} for none')


def _scenario(body: object) -> Given | None:
    """A scenario as JSON or YAML; never the name of a file, which would be read for whoever asks."""
    if isinstance(body, dict) and body.get("scenario", ...) is None:
        return None
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=1)
    if len(text) > SCENARIO_MAXIMUM:
        raise ValueError(f"longer than {SCENARIO_MAXIMUM} characters; give it as a file when the server starts")
    return reading.parse(text, "scenario")


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
