"""A mock server as a test uses it: in a thread, told and asked by plain calls. Knows no test framework."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

import yaml

from conformance.protocols.finding import show

from .answering import Settings
from .app import MockServer
from .hosting import Hosted, hosted
from .journal import Entry
from .pacing import Pacing
from .scenarios import reading
from .scenarios.book import Given

SHOWN = 10
"""Requests that a failure lists."""
POLL = 0.002
SETTINGS = tuple(field.name for field in fields(Settings))
PACING = tuple(field.name for field in fields(Pacing))

Told = Given | Mapping[str, Any]
"""A scenario: files and folders, YAML in a text of several lines, or its value."""


class Mock:
    """A mock server that runs, for one test."""

    def __init__(self, host: Hosted[MockServer]) -> None:
        self._host = host

    @property
    def base_url(self) -> str:
        """What a client is pointed at; ends in /v1."""
        return self._host.server.url

    @property
    def api_key(self) -> str:
        """A key that is let in."""
        return next(iter(self._host.server.settings.keys), "any")

    @property
    def journal(self) -> tuple[Entry, ...]:
        """What it was asked and what it did, the oldest first."""
        return self._host.call(lambda: self._host.server.journal.entries)

    def fault(self, name: str | None) -> ExitStack:
        """Put this fault into every answer from now on; `with` takes it out at the end. Raises LookupError."""
        server = self._host.server
        before = server.fault
        self._host.call(partial(server.use_fault, name))
        return self._until(partial(server.use_fault, before))

    def scenario(self, told: Told | None) -> ExitStack:
        """Reply by this scenario from now on; `with` takes it away at the end. Raises ConfigurationError."""
        server = self._host.server
        before = server.book
        self._host.call(partial(server.use_scenario, given(told)))
        return self._until(partial(setattr, server, "book", before))

    def reset(self) -> None:
        """Be as at the start, with nothing in the journal."""
        self._host.call(self._host.server.reset)

    def asked(
        self, times: int | None = None, *, path: str = "", message: str = "", **members: object
    ) -> tuple[Entry, ...]:
        """The requests to a path that ends so, with this text in their last message and these members of the body.

        Raises AssertionError where there are none, or not so many.
        """
        entries = self.journal
        found = tuple(entry for entry in entries if _fits(entry, path, message, members))
        if (times is None and found) or len(found) == times:
            return found
        asked = {**({"path": path} if path else {}), **({"message": message} if message else {}), **members}
        wanted = "a request" if times is None else f"{times} request{'' if times == 1 else 's'}"
        raise AssertionError(f"wanted {wanted} with {show(asked)}, got {len(found)} of these:\n{_listed(entries)}")

    def left(self, times: int = 1, *, by: str = "", within: float = 1.0) -> tuple[Entry, ...]:
        """The requests whose client left before the end, "fin" or "rst" if that matters, once there are so many.

        Waits for them. A test on an event loop, in which its client closes, calls it by `asyncio.to_thread`. Raises
        AssertionError where there are not so many in time; with `times=0` at once, if there are any by the time that
        nothing is being sent.
        """
        until = time.monotonic() + within
        while True:
            entries = self.journal
            found = tuple(entry for entry in entries if entry.left and by in ("", entry.left_by))
            busy = any(not entry.ended and not entry.left for entry in entries)
            if len(found) == times and not (busy and not times):
                return found
            if len(found) > times or time.monotonic() > until:
                break
            time.sleep(POLL)
        how = f" by {by}" if by else ""
        says = f"wanted {times} clients that left{how}, got {len(found)} within {within:g} s of these requests"
        raise AssertionError(f"{says} (on an event loop: await asyncio.to_thread(mock.left)):\n{_listed(entries)}")

    def _until(self, undo: partial[None]) -> ExitStack:
        stack = ExitStack()
        stack.callback(self._host.call, undo)
        return stack


@contextmanager
def mocked(*, scenario: Told | None = None, fault: str | None = None, **options: Any) -> Iterator[Mock]:
    """A Mock. The options are those of Settings (seed, models, keys, slots ...), Pacing (first, gap) and MockServer."""
    settings = Settings(**{name: options.pop(name) for name in SETTINGS if name in options})
    pacing = Pacing(**{name: options.pop(name) for name in PACING if name in options})
    server = MockServer(settings, fault=fault, pacing=pacing, scenario=given(scenario), **options)
    with hosted(server) as host:
        yield Mock(host)


def given(told: Told | None) -> Given | None:
    """A scenario as the server takes it. Raises ConfigurationError."""
    if isinstance(told, Mapping):
        return reading.parse(yaml.safe_dump(dict(told), allow_unicode=True), "scenario")
    if isinstance(told, str) and "\n" in told:
        return reading.parse(told, "scenario")
    return told


def _fits(entry: Entry, path: str, message: str, members: Mapping[str, object]) -> bool:
    body = entry.body if isinstance(entry.body, dict) else {}
    return (
        entry.path.endswith(path)
        and message in _message(body)
        and all(name in body and body[name] == value for name, value in members.items())
    )


def _message(body: Mapping[str, Any]) -> str:
    """The text of the last message, or the prompt."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else body.get("prompt")
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in content)
    return content if isinstance(content, str) else ""


def _listed(entries: Iterable[Entry]) -> str:
    shown = [f"  {_line(entry)}" for entry in entries]
    more = [f"  and {len(shown) - SHOWN} more before"] if len(shown) > SHOWN else []
    return "\n".join([*more, *shown[-SHOWN:]]) or "  none at all"


def _line(entry: Entry) -> str:
    left = f", left by {entry.left_by}" if entry.left else ""
    return f"{entry.method} {entry.path} -> {entry.status or 'no answer'}{left}: {show(entry.body)}"
