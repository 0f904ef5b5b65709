"""The request behind a response of which nothing else is known. Assumes what lets the fewest rules speak wrongly.

A stream was asked for if a stream came, with as many choices as came. Of `stream_options` and `tools` nothing is known,
so that no rule applies that needs them, and none that needs them absent.
"""

import re
from dataclasses import replace

from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head

EVENT_STREAM = "text/event-stream"
NOT_RECORDED = "not recorded"
"""Neither what a rule about the member needs, nor its absence."""
UNKNOWN: dict[str, object] = {
    "model": NOT_RECORDED,
    "messages": [{"role": "user", "content": NOT_RECORDED}],
    "stream_options": NOT_RECORDED,
    "tools": NOT_RECORDED,
    "functions": NOT_RECORDED,
}
DOCUMENT = Request("POST", "http://not-recorded/v1/chat/completions", (), UNKNOWN)
STREAM_BODY: dict[str, object] = {**UNKNOWN, "stream": True}
TEXT_BODY: dict[str, object] = {"stream_options": NOT_RECORDED, "stream": True}
"""The same for a text completion; rules that need a member absent ask for a prompt."""
STREAM = replace(DOCUMENT, body=STREAM_BODY)
MOST_CHOICES = 128
STREAM_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,9}(?:data|event|id|retry)?:")
"""A field or a comment."""
OTHER_PATHS = (
    (re.compile(rb'"type"\s{0,9}:\s{0,9}"response\.'), "/v1/responses"),
    (re.compile(rb'"type"\s{0,9}:\s{0,9}"message_start"'), "/v1/messages"),
)
"""Streams of other protocols, told by what only they say near the start."""
TEXT_COMPLETION = re.compile(rb'"object"\s{0,9}:\s{0,9}"text_completion"')
START = 16 * 1024


def request_behind(head: Head, body: bytes) -> Request:
    """What may have been asked for when this came."""
    is_stream = head.media_type == EVENT_STREAM or STREAM_START.match(body)
    for pattern, path in OTHER_PATHS if is_stream else ():
        if pattern.search(body, 0, START):
            return replace(STREAM, url=f"http://not-recorded{path}")
    request, asked = (STREAM, STREAM_BODY) if is_stream else (DOCUMENT, UNKNOWN)
    if is_stream and TEXT_COMPLETION.search(body, 0, START):
        request, asked = Request("POST", "http://not-recorded/v1/completions", (), TEXT_BODY), TEXT_BODY
    reader = ExchangeReader(request, head=head, layer="body")
    reader.feed(body)
    exchange = reader.close(Ending.EOF)
    came = [exchange.document, *(step.chunk for step in exchange.steps)]
    highest = max((index for value in came for index in _indices(value)), default=0)
    return replace(request, body={**asked, "n": highest + 1}) if highest else request


def _indices(value: object) -> list[int]:
    choices = value.get("choices") if isinstance(value, dict) else None
    entries = choices if isinstance(choices, list) else []
    indices = (entry.get("index") for entry in entries if isinstance(entry, dict))
    return [index for index in indices if type(index) is int and 0 <= index < MOST_CHOICES]
