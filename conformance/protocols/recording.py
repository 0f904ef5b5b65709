r"""An exchange as lines of text and back: the recording format. Knows no file, no clock and no rule.

    {"recording": 1, "layer": "wire", "source": {...}, "request": {"method", "url", "headers", "body"}}
    [0.132, "data", "data: {...}\n\n"]        seconds since the request was sent, or null
    [0.140, "data64", "..."]                bytes that are not UTF-8
    [0.190, "data", "...", 0.04]            bytes that may have lain unread for 0.04 s: we were late ourselves
    [0.200, "eof"]                          or "reset", "timeout", "left", "cut"
    [0.200, "left", "fin"]                  how we left: or "rst", "half-close"
    [5.212, "watch", {"observer", ...}]     what was seen of the server after that, if anybody looked

Layer "wire" holds the bytes of the connection. Layer "body" holds the body alone; there the header line has
`"response": {"status", "headers"}`. `probe` names the probe, `beside` the file of the exchange that goes with this
one, `group` the files of the other exchanges of its trial.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import msgspec
from jsonschema import ValidationError

import schemas
from conformance.wire.http import Head

from .credentials import without_credentials, without_credentials_in_body, without_credentials_in_url
from .exchange import Ending, Exchange, Request
from .finding import show
from .payload import Flaw, parse
from .reading import ExchangeReader
from .watch import Watch

VERSION = 1
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What JSON lets stand as it is, but terminals, editors and UTF-8 do not."""
LONGEST = 1e9
"""Seconds, about thirty years: a later time is a clock that was read wrong."""
ENDINGS = {ending.value: ending for ending in Ending}
WAYS_TO_LEAVE = ("fin", "rst", "half-close")


class RecordingError(ValueError):
    """The text is no recording; says in which line, and what should stand there."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a recording."""

    request: Request
    layer: str
    head: Head | None
    probe: str
    beside: str
    source: dict[str, Any]
    group: tuple[str, ...] = ()


def header_line(
    request: Request,
    *,
    layer: str = "wire",
    source: dict[str, Any],
    probe: str = "",
    beside: str = "",
    group: Sequence[str] = (),
    head: Head | None = None,
) -> str:
    """The first line of a recording, credentials left out. `head` goes with layer "body" and only with it."""
    if (layer == "body") != (head is not None):
        raise ValueError('a head is written in layer "body"; in "wire" it is among the bytes')
    header: dict[str, Any] = {
        "recording": VERSION,
        "layer": layer,
        "source": {key: _url_cleaned(value) for key, value in source.items()},
        "request": {
            "method": request.method,
            "url": without_credentials_in_url(request.url),
            "headers": without_credentials(request.headers),
            "body": without_credentials_in_body(request.body),
        },
    }
    if head is not None:
        header["response"] = {"status": head.status, "headers": without_credentials(head.headers)}
    if probe:
        header["probe"] = probe
    if beside:
        header["beside"] = beside
    if group:
        header["group"] = list(group)
    return _line(header)


def data_line(at: float | None, data: bytes, late: float = 0.0) -> str:
    """Bytes that came in one read, as text where they are UTF-8; they may have lain there for `late` seconds."""
    behind = [round(late, 6)] if late else []
    try:
        return _line([_seconds(at), "data", data.decode(), *behind])
    except UnicodeDecodeError:
        return _line([_seconds(at), "data64", base64.b64encode(data).decode("ascii"), *behind])


def end_line(at: float | None, ending: Ending, left_by: str = "") -> str:
    """The line that says how the exchange ended: the last one, unless somebody watched on."""
    return _line([_seconds(at), ending.value, *([left_by] if left_by and ending is Ending.LEFT else [])])


def watch_line(at: float | None, watch: Watch) -> str:
    """What was seen of the server after we had left, the last line of such a recording."""
    return _line([_seconds(at), "watch", msgspec.to_builtins(watch)])


def _line(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + "\n"


def _seconds(at: float | None) -> float | None:
    if at is not None and not (math.isfinite(at) and at >= 0):
        raise ValueError(f"seconds since the request, not {at}")
    return at


def _url_cleaned(value: object) -> object:
    """A value of `source`; a URL there (the target's, say) is cleaned like the request's."""
    return without_credentials_in_url(value) if isinstance(value, str) and "://" in value else value


def read_header(line: str | bytes) -> Header:
    """The first line alone: enough to find the recording that goes `beside`."""
    value, flaw = parse(line if isinstance(line, str) else line.decode("utf-8", "replace"))
    if not isinstance(value, dict) or flaw not in (None, Flaw.LONE_SURROGATE):
        raise RecordingError('line 1: wanted {"recording": 1, "layer": ..., ...}, got no JSON object')
    _check_header(value)
    asked, response = value["request"], value.get("response")
    url = _checked_url(asked["url"])
    request = Request(
        method=asked["method"],
        url=url,
        headers=without_credentials(_pairs(asked.get("headers", []))),
        body=without_credentials_in_body(asked.get("body")),
    )
    head = Head(response["status"], without_credentials(_pairs(response["headers"]))) if response else None
    group = tuple(value.get("group", ()))
    return Header(
        request, value["layer"], head, value.get("probe", ""), value.get("beside", ""), value["source"], group
    )


def read(
    lines: Iterable[str] | Iterable[bytes],
    *,
    source: str = "",
    beside: Exchange | None = None,
    group: tuple[Exchange, ...] = (),
) -> Exchange:
    """The exchange that these lines record, read one by one. Raises RecordingError.

    A recording without its last line, or with half of it, is one whose writer crashed: it ends with Ending.CUT.
    """
    numbered: Iterator[tuple[int, str | bytes]] = enumerate(lines, start=1)
    header = read_header(next(numbered, (1, ""))[1])
    reader = ExchangeReader(header.request, head=header.head, layer=header.layer)
    ending, ended_at, left_by = _feed(reader, numbered)
    watch = _watch(numbered, ending)
    exchange = reader.close(ending, ended_at, probe=header.probe, source=source, beside=beside, left_by=left_by)
    return replace(exchange, watch=watch, group=group) if watch or group else exchange


def _watch(numbered: Iterator[tuple[int, str | bytes]], ending: Ending) -> Watch | None:
    """What stands behind the end: what was seen after we had left, or nothing."""
    watch: Watch | None = None
    for number, line in numbered:
        if not line.strip():
            continue
        if watch is not None or ending is not Ending.LEFT:
            _refuse(number, f"nothing after the line that says {'watch' if watch else ending.value!r}", line)
        try:
            _, word, value = msgspec.json.decode(line, type=tuple[float | None, str, Any])
            watch = msgspec.convert(value, Watch) if word == "watch" else None
        except (ValueError, RecursionError):
            watch = None
        if watch is None:
            _refuse(number, '[seconds, "watch", what was seen] or nothing', line)
    return watch


def _feed(reader: ExchangeReader, numbered: Iterator[tuple[int, str | bytes]]) -> tuple[Ending, float | None, str]:
    """Give the reader every read, up to the line that says how it ended."""
    decode, latest = msgspec.json.Decoder().decode, 0.0
    for number, line in numbered:
        try:
            entry = decode(line)
        except (ValueError, RecursionError):
            if not line.strip():
                continue
            if line[-1:] not in ("\n", b"\n") and next(numbered, None) is None:
                break
            _refuse(number, "a JSON array", line)
        match entry:
            case [None | int() | float() as at, "data", str(text), *behind] if _are_late(behind):
                data = text.encode()
            case [None | int() | float() as at, "data64", str(text), *behind] if _are_late(behind):
                data = _unpacked(number, text)
            case [None | int() | float() as at, str(word)] if word in ENDINGS:
                return ENDINGS[word], _time(number, at, latest), ""
            case [None | int() | float() as at, "left", str(way)] if way in WAYS_TO_LEAVE:
                return Ending.LEFT, _time(number, at, latest), way
            case _:
                _refuse(number, f'[seconds, "data" or "data64", text] or [seconds, {" or ".join(ENDINGS)}]', line)
        at = _time(number, at, latest)
        latest = latest if at is None else at
        reader.feed(data, at, *behind)
    return Ending.CUT, None, ""


def _are_late(behind: list[Any]) -> bool:
    """What stands behind the bytes: nothing, or for how long they may have lain there."""
    if not behind:
        return True
    late = behind[0]
    return len(behind) == 1 and isinstance(late, int | float) and not isinstance(late, bool) and 0 <= late <= LONGEST


def _time(number: int, at: float | None, latest: float) -> float | None:
    if at is None:
        return None
    if isinstance(at, bool) or not latest <= at <= LONGEST:
        _refuse(number, f"seconds since the request, at least {latest:g} and at most {LONGEST:g}, or null", str(at))
    return float(at)


def _unpacked(number: int, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _refuse(number, "base64", text)


def _check_header(header: dict[str, Any]) -> None:
    """Refuse what the schema refuses. A body may be anything, and large, so it is not looked at."""
    request = header.get("request")
    checked = {**header, "request": {**request, "body": None}} if isinstance(request, dict) else header
    for error in schemas.explain("recording").iter_errors(checked):
        place = "".join(f"/{part}" for part in error.absolute_path)
        raise RecordingError(f"line 1{place and f', {place}'}: {_difference(error)}")


def _difference(error: ValidationError) -> str:
    """What the schema wanted and what was there. Shows no value that could be a credential."""
    wanted: Any = error.validator_value
    match error.validator:
        case "required":
            return f"wanted the member {error.message.split(' is ')[0]}, got no such member"
        case "not":
            return 'wanted no response in layer "wire", got one'
        case "type":
            return f"wanted {wanted}, got {type(error.instance).__name__}"
        case "enum":
            return f"wanted {' or '.join(show(value) for value in wanted)}, got {show(error.instance)}"
        case "const" | "pattern" | "minimum" | "maximum" as keyword:
            return f"wanted {keyword} {show(wanted)}, got {show(error.instance)}"
        case _:
            return 'wanted headers as ["name", "value"]'


def _checked_url(url: str) -> str:
    try:
        return without_credentials_in_url(url)
    except ValueError:  # its text can hold the user info
        raise RecordingError("line 1, /request/url: wanted a URL, got text that is none") from None


def _pairs(headers: list[list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers]


def _refuse(number: int, wanted: str, got: str | bytes) -> NoReturn:
    text = got if isinstance(got, str) else got[:1000].decode("utf-8", "replace")
    raise RecordingError(f"line {number}: wanted {wanted}, got {show(text) if text else 'nothing'}")
