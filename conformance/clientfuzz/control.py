"""Plain streams: what a client reports of them is what it can report at all. Knows no odd case."""

from .case import Case
from .contract import GAP
from .outcome import Abilities, Outcome, Verdict, judged
from .playing import Result, seen
from .streams import TEXT, TOOL, Stream

CONTROLS = {"text": TEXT, "tools": TOOL}


class NotAClientError(Exception):
    """The command does not manage a plain stream: nothing can be said of it. Says what came."""


def control_case(name: str, stream: Stream) -> Case:
    """A plain stream as a case."""
    return Case(
        id=f"control/{name}",
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
    judgement = judged(report, seen(text.case, text.played), text.expectation, can)
    if can.text and judgement.verdict is Verdict.FAIL:
        raise NotAClientError(f"the client does not manage a plain stream: {judgement.says}")
    return can
