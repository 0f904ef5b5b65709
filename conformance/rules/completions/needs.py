"""The needs of rules about text completions, and the probes that bring them about. Knows no rule."""

from functools import partial

from conformance.protocols.completions.reader import choices_asked
from conformance.protocols.completions.view import prompts
from conformance.protocols.exchange import Exchange
from conformance.rules.need import ANY_TEXT_STREAM, Need, asks_usage, brings_all, brings_stream, stream_options
from conformance.rules.needs import RANGES

REFUSALS = ("completions-bad-json", "completions-choices-zero", "completions-max-tokens-text")
"""Probes whose request every server of text completions has to refuse."""
LIKELY = {**RANGES, "logprobs": (0, 5), "best_of": (0, 20)}
"""Least and greatest value of request members, from the OpenAI OpenAPI document."""


def _posted(exchange: Exchange) -> bool:
    """A text completion was asked for and a response head came."""
    return exchange.protocol == "completions" and exchange.request.method == "POST" and exchange.head is not None


def _streamed(exchange: Exchange) -> bool:
    return exchange.protocol == "completions" and brings_stream(exchange)


def _read(exchange: Exchange) -> bool:
    return exchange.protocol == "completions" and brings_all(exchange)


def _limit(exchange: Exchange) -> int:
    limit = exchange.member("max_tokens")
    return limit if isinstance(limit, int) else 0


def _count(exchange: Exchange, name: str) -> int:
    value = exchange.member(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _out_of_range(exchange: Exchange) -> bool:
    for name, (least, most) in LIKELY.items():
        value = exchange.member(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name != "max_tokens" and is_number and (value < least or (most is not None and value > most)):
            return True
    return False


def _wrong_type(exchange: Exchange) -> bool:
    return any(isinstance(exchange.member(name), str) for name in RANGES)


def _without(exchange: Exchange, *names: str) -> bool:
    """The request is known, and has none of these members."""
    return exchange.member("prompt") is not None and not any(exchange.member(name) for name in names)


_text = partial(Need, protocol="completions", feature="completions")

STREAM = _text(name="a streamed text completion", fits=_streamed, probes=ANY_TEXT_STREAM)
LASTING = _text(
    name="a streamed text completion, best of more than a second",
    fits=_streamed,
    probes=(*ANY_TEXT_STREAM, "lasting-completions"),
)
READ_ALL = _text(name="a streamed text completion that was read to its end", fits=_read, probes=ANY_TEXT_STREAM)
TIMED = _text(
    name="a streamed text completion with arrival times",
    fits=lambda e: _read(e) and e.ended_at is not None,
    probes=ANY_TEXT_STREAM,
)
USAGE_ASKED = _text(
    name="a streamed text completion with stream_options.include_usage true",
    fits=lambda e: _read(e) and asks_usage(e),
    probes=("completions-usage", "completions-two-prompts"),
)
USAGE_NOT_ASKED = _text(
    name="a streamed text completion without stream_options",
    fits=lambda e: _streamed(e) and stream_options(e) is None,
    probes=("completions-stream",),
)
UNLIMITED = _text(
    name="a streamed text completion without max_tokens and echo",
    fits=lambda e: _read(e) and e.member("max_tokens") is None and _without(e, "echo"),
    probes=("completions-stream", "completions-usage"),
)
ONE_TOKEN = _text(
    name="a streamed text completion with max_tokens 1, without echo and stop",
    fits=lambda e: _read(e) and _limit(e) == 1 and not e.member("echo") and not e.member("stop"),
    probes=("completions-cut",),
)
LIMITED = _text(
    name="a streamed text completion with max_tokens, without echo and logprobs",
    fits=lambda e: _read(e) and _limit(e) > 0 and not e.member("echo") and e.member("logprobs") is None,
    probes=("completions-cut", "completions-non-ascii", "completions-long-text", "completions-two-prompts"),
)
STOP = _text(
    name="a streamed text completion with a stop sequence and without echo",
    fits=lambda e: _read(e) and bool(e.member("stop")) and not e.member("echo"),
    probes=("completions-stop",),
)
SEVERAL = _text(
    name="a streamed text completion of several choices",
    fits=lambda e: _read(e) and choices_asked(e.request.body) > 1,
    probes=("completions-two-prompts", "completions-two-choices"),
)
ECHO = _text(
    name="a streamed text completion with echo",
    fits=lambda e: _read(e) and e.member("echo") is True,
    probes=("completions-echo", "completions-echo-logprobs", "completions-two-choices"),
)
PROMPTS_ECHOED = _text(
    name="streamed text completions of several prompts with echo",
    fits=lambda e: _read(e) and len(prompts(e)) > 1 and e.member("echo") is True,
    probes=("completions-two-choices",),
)
LOGPROBS = _text(
    name="a streamed text completion with logprobs",
    fits=lambda e: _read(e) and _count(e, "logprobs") > 0,
    probes=("completions-logprobs", "completions-echo-logprobs"),
)
LOGPROBS_NOT_ASKED = _text(
    name="a streamed text completion without logprobs",
    fits=lambda e: _streamed(e) and e.member("logprobs") is None and _without(e),
    probes=("completions-stream", "completions-cut", "completions-echo"),
)
NO_LOGPROBS = _text(
    name="a streamed text completion whose request has no logprobs",
    fits=lambda e: _streamed(e) and e.member("logprobs") is None,
    probes=LOGPROBS_NOT_ASKED.probes,
)
TWIN = _text(
    name="the same text completion streamed and not streamed",
    fits=lambda e: (
        _read(e) and e.beside is not None and isinstance(e.beside.document, dict) and e.probe.endswith("twin")
    ),
    probes=("completions-twin",),
    alone=False,
)
DOCUMENT_ASKED = _text(
    name="the answer to a valid request for a text completion without stream",
    fits=lambda e: (
        _posted(e) and isinstance(e.request.body, dict) and e.member("stream") in (None, False) and e.status == 200
    ),
    probes=("completions-document",),
)
DOCUMENT = _text(
    name="a text completion that was not streamed",
    fits=lambda e: DOCUMENT_ASKED.fits(e) and isinstance(e.document, dict) and e.document.get("error") is None,
    probes=("completions-document",),
)
REFUSED = _text(
    name="a refused request for a text completion",
    fits=lambda e: _posted(e) and e.status >= 400,
    probes=REFUSALS,
)
BAD_JSON = _text(
    name="a request body for a text completion that is not JSON",
    fits=lambda e: _posted(e) and isinstance(e.request.body, str),
    probes=("completions-bad-json",),
)
WRONG_TYPE = _text(
    name="a request for a text completion with a member of the wrong type",
    fits=lambda e: _posted(e) and _wrong_type(e),
    probes=("completions-max-tokens-text",),
)
OUT_OF_RANGE = _text(
    name="a request for a text completion with a member out of range",
    fits=lambda e: _posted(e) and _out_of_range(e),
    probes=("completions-choices-zero",),
)
INVALID = _text(
    name="a request for a text completion that is not in order",
    fits=lambda e: any(need.fits(e) for need in (BAD_JSON, WRONG_TYPE, OUT_OF_RANGE)),
    probes=REFUSALS,
)
