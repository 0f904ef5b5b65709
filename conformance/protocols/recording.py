"""An exchange as lines of text and back: the recording format. Knows no file, no clock and no rule.

    {"recording": 1, "layer": "wire", "source": {...}, "request": {"method", "url", "headers", "body"}}
    [0.132, "data", "data: {...}\\n\\n"]      seconds since the request was sent, or null
    [0.140, "data64", "..."]                bytes that are not UTF-8
    [0.200, "eof"]                          or "reset", "timeout", "left", "cut"

Layer "wire" holds the bytes of the connection. Layer "body" holds the body alone; there the header line has
`"response": {"status", "headers"}`. `probe` names the probe, `beside` the file of the exchange that goes with this one.
"""

import base64
import json
import math
import re
from typing import Any

from conformance.wire.http import Head

from .credentials import without_credentials, without_credentials_in_body, without_credentials_in_url
from .exchange import Ending, Request

VERSION = 1
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What JSON lets stand as it is, but terminals, editors and UTF-8 do not."""


def header_line(
    request: Request,
    *,
    layer: str = "wire",
    source: dict[str, Any],
    probe: str = "",
    beside: str = "",
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
    return _line(header)


def data_line(at: float | None, data: bytes) -> str:
    """Bytes that came in one read, as text where they are UTF-8."""
    try:
        return _line([_seconds(at), "data", data.decode()])
    except UnicodeDecodeError:
        return _line([_seconds(at), "data64", base64.b64encode(data).decode("ascii")])


def end_line(at: float | None, ending: Ending) -> str:
    """The last line of a recording."""
    return _line([_seconds(at), ending.value])


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
