"""A client written with care, on the standard library alone; the bad ones of this folder each spoil one part of it.

python careful.py BASE_URL MODEL     asks once
python careful.py                    reads lines {"base_url", "model", "case"}, and answers each
"""

import codecs
import http.client
import json
import os
import sys
from urllib.parse import urlsplit

TIMEOUT = float(os.environ.get("STREAMSPEC_TIMEOUT", "3"))


class RefusedError(Exception):
    """The answer is not one to go on with."""


class Decoder:
    """Bytes to the data of events, as the standard says."""

    def __init__(self):
        self.text = codecs.getincrementaldecoder("utf-8")("replace")
        self.started = False
        self.line = ""
        self.after_carriage = False
        self.data = []

    def feed(self, data):
        """The data of the events that these bytes complete."""
        text = self.text.decode(data)
        if text and not self.started:
            self.started = True
            text = text.removeprefix("\ufeff")
        for line in self.lines(text):
            yield from self.take(line)

    def lines(self, text):
        """The lines that end in this text: at CR, LF or both."""
        if self.after_carriage and text:
            self.after_carriage = False
            text = text.removeprefix("\n")
        if text.endswith("\r"):
            self.after_carriage = True
        whole = (self.line + text).replace("\r\n", "\n").replace("\r", "\n")
        *lines, self.line = whole.split("\n")
        return lines

    def take(self, line):
        """One line; a blank one ends the event."""
        if not line:
            if self.data:
                yield "\n".join(self.data)
            self.data = []
            return
        name, _, value = line.partition(":")
        if name == "data":
            self.data.append(value.removeprefix(" "))


class Answer:
    """What the chunks of a stream say."""

    def __init__(self):
        self.text = ""
        self.finish_reason = None
        self.calls = {}
        self.usage = None
        self.chunks = 0
        self.done = False

    def take(self, data):
        """One event."""
        if data.strip() == "[DONE]":
            self.done = True
            return
        if not data.strip() or data.startswith(":"):
            return  # a heart-beat of a sort
        chunk = json.loads(data)
        self.chunks += 1
        if not isinstance(chunk, dict):
            raise RefusedError("a message that is no chunk")
        if chunk.get("error") is not None or chunk.get("object") == "error" or chunk.get("type") == "error":
            raise RefusedError(f"an error in the stream: {data[:200]}")
        if not isinstance(chunk.get("choices"), list):
            raise RefusedError("a chunk without choices")
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk["choices"]:
            if type(choice["index"]) is not int:
                raise RefusedError("a choice without a number")
            if choice["index"] == 0:
                self.choose(choice)

    def choose(self, choice):
        """What the first choice says."""
        delta = choice["delta"]
        content = delta.get("content")
        if not isinstance(content, str | None):
            raise RefusedError("content that is no text")
        self.text += content or ""
        for fragment in delta.get("tool_calls") or ():
            self.call(fragment)
        self.finish_reason = choice.get("finish_reason") or self.finish_reason

    def call(self, fragment):
        """A piece of a call."""
        index, function = fragment["index"], fragment.get("function") or {}
        if type(index) is not int:
            raise RefusedError("a call without a number")
        call = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        own = fragment.get("id") or ""
        if call["id"] and own and own != call["id"]:
            raise RefusedError("two calls of one number")
        if call["arguments"] and function.get("name") and not own:
            raise RefusedError("another call of the same number")
        call["id"] = call["id"] or own
        call["name"] = call["name"] or function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def report(self, error=None):
        """The line to print."""
        failed = {"class": type(error).__name__, "message": str(error)[:300]} if error is not None else None
        calls = list(self.calls.values())
        return {
            "text": self.text,
            "finish_reason": self.finish_reason,
            "tool_calls": calls,
            "usage": self.usage,
            "chunks": self.chunks,
            "error": failed,
        }


def ask(base_url, model, decoder=Decoder, answer=Answer, *, read=None, finish=None, timeout=TIMEOUT):
    """Ask once; the report."""
    said = answer()
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    try:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        connection.request("POST", f"{address.path}/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        (read or read_all)(response, decoder(), said)
        (finish or is_whole)(said)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return said.report(error)
    finally:
        connection.close()
    return said.report()


def read_all(response, decoder, said):
    """Read up to [DONE], or to the end."""
    if response.status != 200:
        raise RefusedError(f"status {response.status}")
    while data := response.read1(65536):
        for event in decoder.feed(data):
            said.take(event)
            if said.done:
                return
    if response.length:
        raise RefusedError("the connection ended too early")


def is_whole(said):
    """An answer without a finish_reason is none."""
    if said.finish_reason is None:
        raise RefusedError("the answer is not whole")


def main(asking=ask):
    """One case from the arguments, or case after case."""
    if len(sys.argv) > 1:
        print(json.dumps(asking(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "mock")))
        return
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(asking(case["base_url"], case["model"])), flush=True)


if __name__ == "__main__":
    main()
