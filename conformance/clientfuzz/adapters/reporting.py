"""What every adapter in Python owes its caller: one line of JSON for each case. Knows no client and judges nothing.

An adapter says how its client asks once and fills `heard` as the answer comes, so that an error leaves what came:

    def ask(base_url, model, heard):
        for chunk in ...:
            heard.text += chunk.text

    report(ask)

With a base URL and a model as arguments it asks once; without, it reads {"base_url", "model"} line by line from stdin.
"""

import asyncio
import inspect
import json
import os
import sys

TIMEOUT = float(os.environ.get("STREAMSPEC_TIMEOUT", "3"))  # seconds; each client is given it in its own way
MESSAGES = [{"role": "user", "content": "Say hi"}]
BODY = {"messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}}


class Heard:
    """What the client has handed over so far. Nothing is filled in that the client did not say."""

    def __init__(self):
        self.text, self.finish_reason, self.tool_calls, self.usage, self.chunks = "", None, [], None, 0
        self._choices = {}  # by index: text and finish_reason
        self._calls = {}  # by index

    def part_of_choice(self, index, content, finish_reason):
        """Part of a choice; whether it is of the one that counts: one was asked for, the first that says something."""
        index = index if isinstance(index, int) else 0
        text, reason = self._choices.get(index, ("", None))
        self._choices[index] = (text + (content or ""), finish_reason or reason)
        counts = min((known for known, (text, _) in self._choices.items() if text), default=min(self._choices))
        self.text, self.finish_reason = self._choices[counts]
        self.finish_reason = self.finish_reason or next(
            (reason for _, reason in self._choices.values() if reason), None
        )
        return index == counts

    def part_of_call(self, index, call_id, name, arguments):
        """Part of a tool call, joined to the others of its index, whatever comes first."""
        if index not in self._calls:
            self._calls[index] = {"id": None, "name": None, "arguments": ""}
            self.tool_calls.append(self._calls[index])
        call = self._calls[index]
        call["id"], call["name"] = call["id"] or call_id, call["name"] or name
        if arguments is not None:
            call["arguments"] = call["arguments"] + arguments if call["arguments"] else arguments

    def chunk(self, chunk):
        """A chunk as an object of OpenAI's shape, read by a patient loop: what is there of it."""
        self.chunks += 1
        self.usage = getattr(chunk, "usage", None) or self.usage
        for choice in chunk.choices or []:
            counts = self.part_of_choice(choice.index, choice.delta and choice.delta.content, choice.finish_reason)
            for part in (counts and choice.delta and choice.delta.tool_calls) or []:
                self.part_of_call(part.index, part.id, part.function.name, part.function.arguments)

    def document(self, chunk):
        """A chunk as JSON, read by the same loop."""
        self.chunks += 1
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            counts = self.part_of_choice(choice.get("index"), delta.get("content"), choice.get("finish_reason"))
            for part in (counts and delta.get("tool_calls")) or []:
                function = part["function"]
                self.part_of_call(part["index"], part.get("id"), function.get("name"), function.get("arguments"))

    def line(self, error):
        """The line of JSON, in ASCII: half a surrogate pair is a thing that clients hand over."""
        said = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return json.dumps(said | {"error": error}, default=lambda value: getattr(value, "__dict__", None) or str(value))


def report(ask):
    """Run the adapter whose client asks by `ask`. What libraries print goes to stderr."""
    out, sys.stdout = sys.stdout, sys.stderr
    one = [dict(zip(("base_url", "model"), sys.argv[1:], strict=True))] if sys.argv[1:] else None
    for case in one or map(json.loads, sys.stdin):
        heard, error = Heard(), None
        try:
            asked = ask(case["base_url"], case["model"], heard)
            if inspect.isawaitable(asked):
                asyncio.run(asked)
        except Exception as raised:  # noqa: BLE001 - whatever it is, the client raised it
            error = {"class": f"{type(raised).__module__}.{type(raised).__qualname__}", "message": str(raised)[:1000]}
        print(heard.line(error), file=out, flush=True)
