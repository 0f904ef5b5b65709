"""Whether a request is what an entry of a scenario waits for, and if not, why. Knows no reply."""

from collections.abc import Callable, Iterator
from functools import partial

from conformance.protocols.credentials import MASK, SECRET
from conformance.protocols.finding import shorten

from .asked import Asked
from .scenario import Number, Text, When

SHOWN = 60
"""Characters of a text that a reason shows."""


Reason = Callable[[], str]
"""Says why not; most of the time nobody asks."""


def matches(when: When, asked: Asked) -> bool:
    """Whether a request is what an entry waits for."""
    return next(_lacks(when, asked), None) is None


def why_not(when: When, asked: Asked) -> str:
    """The first thing that a request lacks, "" where it lacks nothing."""
    reason = next(_lacks(when, asked), None)
    return reason() if reason is not None else ""


def captured(when: When, asked: Asked) -> dict[str, str]:
    """What the named groups of an entry's patterns match in a request that it waits for."""
    found: dict[str, str] = {}
    for _, text, value in _compared(when, asked):
        match = text.regex.search(value) if text.regex is not None and value is not None else None
        if match is not None:
            found |= {name: part or "" for name, part in match.groupdict().items()}
    return found


def _compared(when: When, asked: Asked) -> Iterator[tuple[str, Text, str | None]]:
    """Each text that is looked at: what it is, what it has to be, and what it is in this request."""
    if when.message is not None:
        yield "the last message of the user", when.message, asked.message
    if when.system is not None:
        yield "the system message", when.system, asked.system
    if when.tool_result is not None:
        yield "the result of a tool call", when.tool_result, asked.tool_result
    if when.model is not None:
        yield "the model", when.model, asked.model
    for name, text in when.headers:
        yield f"the header {name}", text, asked.request.header(name)


def _lacks(when: When, asked: Asked) -> Iterator[Reason]:
    if when.protocol not in ("", asked.protocol):
        yield lambda: f"it is asked for {_named(asked.protocol)}, wanted {_named(when.protocol)}"
    if when.stream not in (None, asked.stream):
        yield lambda: f"{_stream(asked.stream)} is asked for, wanted {_stream(not asked.stream)}"
    for what, number, is_now in (
        ("turn", when.turn, asked.turn),
        ("number of messages", when.messages, asked.messages),
    ):
        if number is not None and not _within(number, is_now):
            yield partial("the {} is {}, wanted {}".format, what, is_now, _range(number))
    if when.tools is not None and (wrong := _tools(when.tools, tuple(asked.tools))):
        yield partial(str, wrong)
    for what, text, value in _compared(when, asked):
        if value is None:
            yield partial(_absent, what, text)
        elif not _is(text, value):
            yield partial(_different, what, value, text)


def _absent(what: str, text: Text) -> str:
    return f"{what} is not there, wanted one that {_wanted(text)}"


def _different(what: str, value: str, text: Text) -> str:
    return f"{what} is {_shown(what, value)}, wanted one that {_wanted(text)}"


def _is(text: Text, value: str) -> bool:
    fold: Callable[[str], str] = str.casefold if text.ignore_case else str
    return (
        (text.equals is None or fold(value) == fold(text.equals))
        and (text.contains is None or fold(text.contains) in fold(value))
        and (text.regex is None or text.regex.search(value) is not None)
    )


def _wanted(text: Text) -> str:
    parts = [
        f"{verb} {shorten(repr(part), SHOWN)}"
        for verb, part in (
            ("is", text.equals),
            ("contains", text.contains),
            ("matches", text.regex.pattern if text.regex is not None else None),
        )
        if part is not None
    ]
    return " and ".join(parts) + (" in any case" if text.ignore_case else "")


def _shown(what: str, value: str) -> str:
    """A value as a reason shows it; credentials are not shown."""
    return MASK if what.startswith("the header ") and SECRET.search(what) else shorten(repr(value), SHOWN)


def _within(number: Number, value: int) -> bool:
    return number.least <= value and (number.most is None or value <= number.most)


def _range(number: Number) -> str:
    if number.most is None:
        return f"at least {number.least}"
    return str(number.least) if number.least == number.most else f"{number.least} to {number.most}"


def _stream(is_one: bool) -> str:
    return "a stream" if is_one else "a document"


def _named(protocol: str) -> str:
    return f"a {'text' if protocol == 'completions' else 'chat'} completion"


def _tools(wanted: bool | tuple[str, ...], offered: tuple[str, ...]) -> str:
    """What is wrong with the tools that are offered."""
    if isinstance(wanted, bool):
        if wanted == bool(offered):
            return ""
        return "no tools are offered, wanted some" if wanted else "tools are offered, wanted none"
    missing = [name for name in wanted if name not in offered]
    return f"the tool {missing[0]!r} is not offered" if missing else ""
