"""Passes requests on to a real endpoint and keeps what comes back as recordings. Judges nothing.

What a client gets is what came, as it came; only the framing and the content coding are of this connection. What is
bounded: requests as everywhere in the mock, responses and the number of recordings as below.
"""

import asyncio
import itertools
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web

from conformance.protocols import recording
from conformance.protocols.credentials import SECRET, SECRET_MEMBERS, without_credentials_in_url
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import protocol_of
from conformance.wire import encoder
from conformance.wire.http import Head
from conformance.wire.script import Answer, Framing, Send

from . import answering
from .journal import BODY_LIMIT, Entry
from .play import Played, for_this_client, play, send, tear

LOG = logging.getLogger("mockserver.relaying")
PATH = re.compile(r"/v1((?:/[A-Za-z0-9_~:@!$&'()*+,;=-][A-Za-z0-9._~:@!$&'()*+,;=-]*)+)")
"""What is passed on: no way up (..), nothing escaped, nothing but what stands below /v1."""
OWN = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"),
        *("proxy-connection", "proxy-authorization", "accept-encoding", "content-encoding", "expect"),
        *("cookie", "origin", "referer"),
    )
)
"""Headers of one connection or of a browser, in either direction, and those of a coding that is undone on the way."""
NUMBER = re.compile(r"(\d{5})-")
"""How the name of a recording begins."""
RESPONSE_MAXIMUM = 64 * 1024 * 1024
"""Bytes of a response; a longer one is cut."""
RECORDINGS_MAXIMUM = 10_000
"""Files that one folder gets."""
TIMEOUT = aiohttp.ClientTimeout(total=1800, connect=30, sock_read=600)
UNREACHED = "upstream_unreachable"


class RelayError(Exception):
    """Nothing can be recorded so; says why."""


@dataclass(slots=True)
class _Taken:
    """What has come of one response."""

    began: float
    head: Head | None = None
    reads: list[tuple[float, bytes]] = field(default_factory=list)
    size: int = 0
    whole: bool = False
    """The endpoint has said all; what its client does from now on is no matter."""


class Relay:
    """An endpoint, and the folder for what it says."""

    def __init__(self, url: str, folder: Path, key: str = "") -> None:
        """`url` ends where paths begin, at /v1; `key` goes with every request instead of the client's own.

        Raises RelayError.
        """
        if not re.fullmatch(r"https?://[^/?#\s@]+(?:/[^?#\s]*)?", url):
            raise RelayError(f"wanted the URL of an endpoint, up to /v1, got {without_credentials_in_url(url)!r}")
        self._url = url.rstrip("/")
        self._folder = folder
        self._key = key
        self._session: aiohttp.ClientSession | None = None
        self.kept = 0
        """Recordings made."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = [int(found[1]) for path in folder.iterdir() if (found := NUMBER.match(path.name))]
            self._number = itertools.count(max(taken, default=0) + 1)
        except OSError as error:
            raise RelayError(f"cannot write to {folder}: {error.strerror}") from error

    @property
    def has_key(self) -> bool:
        """Whether requests are made with a key of ours."""
        return bool(self._key)

    async def __aenter__(self) -> Self:
        """Be ready to connect."""
        self._session = aiohttp.ClientSession(
            timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=("user-agent",)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def pass_on(self, request: web.BaseRequest, raw: bytes, entry: Entry, clock: Callable[[], float]) -> Played:
        """Ask the endpoint, and send what it says to the client as it comes. Raises what `play` raises."""
        found = PATH.fullmatch(request.rel_url.raw_path)
        if found is None or request.method not in ("GET", "POST"):
            refused = answering.refusal(404, "Only GET and POST of paths below /v1 are passed on.", code="unknown_url")
            return await play(request, refused, entry, asyncio.sleep)
        sent = {name: value for name, value in request.headers.items() if name.lower() not in OWN}
        if self._key:
            sent = {name: value for name, value in sent.items() if name.lower() not in ("authorization", "api-key")}
            sent["authorization"] = f"Bearer {self._key}"
        entry.size, entry.began = len(raw), clock()
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        url = f"{self._url}{found[1]}{query}"
        asked = Request(request.method, url, tuple(sent.items()), answering.read_body(raw) if raw else None)
        entry.body = asked.body if len(raw) <= BODY_LIMIT else None
        taken = _Taken(asyncio.get_running_loop().time())
        ending = Ending.LEFT  # unless something else is seen
        try:
            played, ending = await self._exchange(request, asked, raw, entry, clock, taken)
        finally:
            entry.stopped_at = clock()
            self._keep(asked, taken, Ending.EOF if taken.whole else ending)
        return played

    async def _exchange(
        self,
        request: web.BaseRequest,
        asked: Request,
        raw: bytes,
        entry: Entry,
        clock: Callable[[], float],
        taken: _Taken,
    ) -> tuple[Played, Ending]:
        assert self._session is not None, "inside `async with` only"
        loop, ending = asyncio.get_running_loop(), Ending.EOF
        headers = {**dict(asked.headers), "accept-encoding": "identity"}
        try:
            response = await self._session.request(
                asked.method, asked.url, data=raw or None, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            message = f"The endpoint cannot be reached: {type(error).__name__}."  # its text may hold more than that
            refused = answering.refusal(502, message, "server_error", code=UNREACHED)
            return await play(request, refused, entry, asyncio.sleep), Ending.RESET
        async with response:
            came = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
            kept = tuple((name, value) for name, value in came if name.lower() not in OWN)
            taken.head = Head(response.status, kept)
            framing = Framing.CHUNKED if taken.head.media_type == "text/event-stream" else Framing.LENGTH
            answer = for_this_client(request, Answer(response.status, kept, (), framing))
            if framing is not Framing.LENGTH:
                await self._head(request, answer, entry)
            try:
                while data := await response.content.readany():
                    data = data[: RESPONSE_MAXIMUM + 1 - taken.size]
                    taken.size += len(data)
                    taken.reads.append((loop.time() - taken.began, data))
                    if taken.size > RESPONSE_MAXIMUM:
                        ending = Ending.CUT
                        break
                    if framing is not Framing.LENGTH:
                        written = encoder.chunk(data) if answer.framing is Framing.CHUNKED else data
                        await send(request, written)
                        entry.sent += len(written)
                        entry.wrote(clock())
                        entry.produced += 1
            except TimeoutError:
                ending = Ending.TIMEOUT
            except aiohttp.ClientError:
                ending = Ending.RESET
        if ending is not Ending.EOF:
            tear(request.transport)
            return Played(keep=False), ending
        taken.whole = True
        return await self._ended(request, answer, taken, entry, clock), ending

    async def _head(self, request: web.BaseRequest, answer: Answer, entry: Entry) -> None:
        head = encoder.head(answer)
        entry.status = answer.status
        await send(request, head)
        entry.sent += len(head)

    async def _ended(
        self, request: web.BaseRequest, answer: Answer, taken: _Taken, entry: Entry, clock: Callable[[], float]
    ) -> Played:
        """The end of a stream, or the whole of a document."""
        if answer.framing is Framing.LENGTH:
            whole = b"".join(data for _, data in taken.reads)
            plain = Answer(answer.status, answer.headers, (Send(whole),), Framing.LENGTH)
            return await play(request, plain, entry, asyncio.sleep, clock=clock)
        if answer.framing is Framing.CHUNKED:
            await send(request, encoder.LAST_CHUNK)
            entry.sent += len(encoder.LAST_CHUNK)
        entry.ended = True
        keep = answer.framing is Framing.CHUNKED and request.keep_alive
        return Played(keep=bool(keep))

    def _keep(self, asked: Request, taken: _Taken, ending: Ending) -> None:
        """Write the recording; what is no response is none."""
        number = next(self._number)
        if taken.head is None or number > RECORDINGS_MAXIMUM:
            return
        ended = asyncio.get_running_loop().time() - taken.began
        source = {"kind": "relayed", "endpoint": self._url}
        lines = [recording.header_line(asked, layer="body", source=source, head=taken.head)]
        lines += [recording.data_line(round(at, 6), data) for at, data in _masked(taken.reads, self._secrets(asked))]
        lines.append(recording.end_line(round(ended, 6), ending, "fin" if ending is Ending.LEFT else ""))
        name = f"{number:05}-{protocol_of(asked) or 'other'}-{taken.head.status}.jsonl"
        try:
            with (self._folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
        except OSError as error:
            LOG.warning("%s was not recorded: %s", name, error.strerror)
        else:
            self.kept += 1

    def _secrets(self, asked: Request) -> list[bytes]:
        """Keys that a response may repeat, as some refusals do."""
        members = asked.body.items() if isinstance(asked.body, dict) else ()
        named = [*asked.headers, *parse_qsl(urlsplit(asked.url).query)]
        sent = [value for name, value in named if SECRET.search(name.strip())]
        sent += [value for name, value in members if name in SECRET_MEMBERS and isinstance(value, str)]
        words = {self._key, *(value.rpartition(" ")[2] for value in sent)}  # "Bearer KEY"
        return [word.encode("utf-8", "surrogateescape") for word in words if len(word) >= SHORTEST]


SHORTEST = 8
"""Characters from which on a key is one: "any" is none."""


def _masked(reads: list[tuple[float, bytes]], secrets: list[bytes]) -> list[tuple[float, bytes]]:
    """The reads with stars for secrets, also where one stands across two reads."""
    whole = b"".join(data for _, data in reads)
    found = [secret for secret in secrets if secret in whole]
    if not found:
        return reads
    for secret in found:
        whole = whole.replace(secret, b"*" * len(secret))
    ends = list(itertools.accumulate(len(data) for _, data in reads))
    return [(at, whole[end - len(data) : end]) for (at, data), end in zip(reads, ends, strict=True)]
