"""Plain streams: what a client reports of them is what it can report at all. Knows no odd case."""

from dataclasses import dataclass
from typing import Any

from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import Called, Reply, Spoken
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Answer, Send

from .case import Case
from .contract import GAP
from .outcome import Abilities, Outcome, Verdict
from .playing import Result

HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-request-id", "req_1"),
)
CALLS = (
    Called("call_a", "get_weather", ("", '{"city":', '"Paris"}')),
    Called("call_b", "get_time", ("", '{"zone":"CET"}')),
)
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_weather", "get_time")
]


@dataclass(frozen=True, slots=True)
class Plain:
    """A good stream."""

    name: str
    request: Request
    answer: Answer


def plain(name: str, *choices: Spoken, usage: bool = False) -> Plain:
    """A good stream that says this, as a client gets it that asks for one choice."""
    body: dict[str, Any] = {"model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    own: dict[str, Any] = {"tools": TOOLS} if any(choice.calls for choice in choices) else {}
    own |= {"stream_options": {"include_usage": True}} if usage else {}
    reply = Reply(
        id="chatcmpl-1",
        created=1_790_000_000,
        model="mock",
        system_fingerprint="fp_1",
        choices=choices,
        prompt_tokens=5,
        completion_tokens=sum(len(choice.pieces) for choice in choices) or 6,
    )
    acts = tuple(Send(encoder.message(message)) for message in emitter.messages(reply, usage=usage))
    request = Request("POST", "http://mock/v1/chat/completions", (), {**body, **own})
    return Plain(name, request, Answer(200, HEADERS, acts))


TEXT = plain("text", Spoken(("Hello", ",", " Gr\u00fc\u00dfe", " \U0001f44b", "!")), usage=True)
TOOL = plain("tools", Spoken((), "tool_calls", CALLS), usage=True)
CONTROLS = (TEXT, TOOL)


class NotAClientError(Exception):
    """The command does not manage a plain stream: nothing can be said of it. Says what came."""


def control_case(stream: Plain) -> Case:
    """A plain stream as a case."""
    return Case(
        id=f"control/{stream.name}",
        says="a plain stream",
        request=stream.request,
        good=stream.answer,
        played=stream.answer,
        legal=True,
        authority="openai",
    )


def abilities(text: Result, tools: Result) -> Abilities:
    """What a client can report. Raises NotAClientError where a plain text does not come through."""
    report = text.report
    if report is None or text.outcome in (Outcome.HANG, Outcome.CRASH):
        raise NotAClientError(f"the client does not manage a plain stream: {text.judgement.says}")
    if report.error is not None:
        raise NotAClientError(f"the client reports an error for a plain stream: {report.error}")
    calls = tools.report.tool_calls if tools.report is not None else GAP
    can = Abilities(
        text=isinstance(report.text, str) and report.text != "",
        finish_reason=report.finish_reason not in (GAP, None, ""),
        tool_calls=isinstance(calls, tuple) and bool(calls),
        usage=isinstance(report.usage, dict),
    )
    if can.text and text.verdict is Verdict.FAIL:
        raise NotAClientError(f"the client does not manage a plain stream: {text.judgement.says}")
    return can
