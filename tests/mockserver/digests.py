"""What the mock answers to every probe, as digests of the bytes: the same on every machine, in every process.

`python tests/mockserver/digests.py > tests/mockserver/digests.json` keeps those of the default dialect, after a change
that is meant to change bytes. With `all` those of every dialect, and of some chaos, are printed too.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from conformance.probes.catalogue import PROBES, requests_of
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import body
from mockserver import Settings, dialects
from mockserver.routes import respond

URL = "http://mock/v1"
CHAOS = (0, 1, 2)
STEP = 7
"""Of so many requests one is sent in each dialect and chaos."""
TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "parameters": {
            "type": "object",
            "properties": {"at": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}, "near": {"type": "boolean"}},
            "required": ["at", "near"],
        },
    },
}
MORE = {
    "story": {"prompt": "Write a story of ten thousand words", "max_tokens": 400, "stream": True, "seed": 7},
    "unknown-words": {"prompt": "Why is the sea salt?", "n": 3, "stream": True, "logprobs": True, "top_logprobs": 5},
    "a-pattern": {"prompt": "find it", "tools": [TOOL], "tool_choice": "required"},
}
"""Requests that no probe sends."""


def requests() -> Iterator[tuple[str, list[Request]]]:
    for probe in PROBES:
        yield probe.name, requests_of(probe, url=URL, model="mock", headers=())
    for name, members in MORE.items():
        messages = [{"role": "user", "content": members["prompt"]}]
        asked = {"model": "mock", "messages": messages, **{k: v for k, v in members.items() if k != "prompt"}}
        yield name, [Request("POST", f"{URL}/chat/completions", (("content-type", "application/json"),), asked)]


def digests(settings: Settings, step: int = 1) -> dict[str, str]:
    """By the name of the request; of every one, or of some."""
    made = {}
    for name, asked in list(requests())[::-step]:
        digest = hashlib.sha256()
        for request in asked:
            digest.update(body(encoder.on_the_wire(respond(request, settings))))
        made[name] = digest.hexdigest()[:16]
    return made


def everything() -> dict[str, dict[str, str]]:
    ways = {dialect: Settings(dialect=dialect) for dialect in dialects.NAMES}
    ways |= {f"chaos {seed}": Settings(chaos=seed) for seed in CHAOS}
    return {way: digests(settings, 1 if way == "openai" else STEP) for way, settings in ways.items()}


if __name__ == "__main__":
    print(json.dumps(everything() if sys.argv[1:] == ["all"] else digests(Settings()), indent=1))
