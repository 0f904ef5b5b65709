"""A document of the server's own, fetched: metrics, slots, a journal. Bounded in time and bytes; knows none of them.

Whatever is wrong with the answer is a sentence, not an exception.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from conformance.probes.connection import By, Unreachable
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.intake import Budget
from conformance.probes.performing import Stage, close
from conformance.probes.recorder import record
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import shorten

PATIENCE = 3.0
"""Seconds for one document; a server at work may be slow to give it."""
SIZE = 4 * 1024 * 1024
"""Bytes of one: those of real servers have a hundred thousand."""
HTTP_OK = 200
ACCEPT = (("accept", "application/json, text/plain;q=0.9, */*;q=0.1"),)


@dataclass(frozen=True, slots=True)
class Page:
    """What a GET gave."""

    url: str
    """As a message shows it."""
    text: str = ""
    trouble: str = ""
    """Why there is no text, with the URL; "" where there is."""


def beside(url: str, path: str) -> str:
    """Where a document of the server lies whose base URL this is: at its root, which is the base URL without /v1."""
    parts = urlsplit(url)
    root = parts.path.rstrip("/").removesuffix("/v1")
    return urlunsplit((parts.scheme, parts.netloc, root + path, "", ""))


async def fetch(stage: Stage, url: str, size: int = SIZE) -> Page:
    """The document at a URL. The key is sent where other requests are sent, and to nobody else."""
    shown = shorten(without_credentials_in_url(url))
    limits = Limits(connect_s=PATIENCE, head_s=PATIENCE, exchange_s=PATIENCE, max_bytes=size)
    try:
        endpoint = _endpoint(stage.endpoint, url, limits)
        connection = await stage.dial(endpoint, stage.clock)
    except (Unreachable, ValueError) as problem:
        return Page(shown, trouble=f"{shown}: {problem}")
    try:
        exchange = await record(connection, endpoint, Request("GET", url, ACCEPT), budget=Budget(limits))
    finally:
        connection.leave(By.FIN)
        await close(connection)
    if trouble := _trouble(exchange):
        return Page(shown, trouble=f"{shown} {trouble}")
    return Page(shown, exchange.body.decode("utf-8", "replace"))


def _endpoint(endpoint: Endpoint, url: str, limits: Limits) -> Endpoint:
    """Whom to ask. Raises ValueError where nobody can be."""
    parts = urlsplit(url)
    there = replace(endpoint, url=urlunsplit((parts.scheme, parts.netloc, "", "", "")), limits=limits)
    if (there.secure, there.host, there.port) == (endpoint.secure, endpoint.host, endpoint.port):
        return there
    return replace(there, key="", headers=MappingProxyType({}))


def _trouble(exchange: Exchange) -> str:
    """What keeps an answer from being read to its end."""
    if exchange.head is None:
        return f"gave no answer within {PATIENCE:g} s" if exchange.ending is Ending.TIMEOUT else "gave no answer"
    if exchange.status != HTTP_OK:
        return f"has status {exchange.status}"
    if exchange.ending is Ending.TIMEOUT:
        return f"did not end within {PATIENCE:g} s"
    if exchange.ending is Ending.CUT:
        return "is too long"
    if exchange.transport is not None and not exchange.transport.complete:
        return "broke off"
    return ""
