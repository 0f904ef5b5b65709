"""The messages of a stream as the chunks that they hold, and back. Knows no vendor and no habit."""

import json
from typing import Any

from conformance.protocols.chat import emitter
from conformance.wire import encoder
from conformance.wire.script import Act, Send

Chunk = dict[str, Any]
DATA = b"data: "


def chunk_of(act: Act) -> Chunk | Act:
    """The chunk of a message, or whatever else it is."""
    if not isinstance(act, Send) or not act.data.startswith(DATA):
        return act
    try:
        value = json.loads(act.data[len(DATA) :])
    except ValueError:
        return act
    return value if isinstance(value, dict) and isinstance(value.get("choices"), list) else act


def act_of(item: Chunk | Act | str | bytes) -> Act:
    """What sends a chunk, a text as a message, or bytes as they are."""
    match item:
        case dict():
            return Send(encoder.message(emitter.dumps(item)))
        case str():
            return Send(encoder.message(item))
        case bytes():
            return Send(item)
    return item
