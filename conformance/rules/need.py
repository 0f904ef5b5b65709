"""What a need is, and the questions that needs ask of an exchange. Knows the request and the outcome, no rule.

A need is met by the exchange itself, so that a recording from anywhere is judged like a live run. `probes` are the
probes whose answers are meant to meet it; `feature` is what a target has to declare for it (none: every target).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.markers import marker_of, shown_by
from conformance.wire.events import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A kind of exchange, and the probes that bring it about."""

    name: str
    """Completes the sentence "needs ..."."""
    fits: Callable[[Exchange], bool]
    probes: tuple[str, ...]
    protocol: str = ""
    """Whose view the check gets: "chat", "completions" or "any"; "" for checks that look at the exchange itself."""
    feature: str = ""
    alone: bool = True
    """Whether one exchange by itself can meet it."""
    second: Callable[[Request], bool] | None = None
    """Of two requests that say the same, a mutant breaks the answer to the second alone; here is what they say."""
    unless: Callable[[Sequence[Exchange]], str] | None = None
    """Why nothing can be said of a target, seeing all its exchanges; "" where something can."""
    blind: Callable[[Exchange], str] | None = None
    """Why nothing can be said of an exchange that fits, and what to configure; "" where something can."""


STREAMS = ("stream", "usage-asked", "usage-options-empty", "max-tokens-one", "stop-sequence", "non-ascii", "long-text")
"""Probes that ask any chat server for a stream, and whose request is valid."""
ANY_STREAM = (*STREAMS, "two-choices")
"""Probes that ask for a stream, the one included that not every server can serve."""
TEXT_STREAMS = ("completions-stream", "completions-usage", "completions-cut")
"""Probes that ask any server of text completions for a stream, and whose request is valid."""
ANY_TEXT_STREAM = (
    *TEXT_STREAMS,
    "completions-stop",
    "completions-non-ascii",
    "completions-long-text",
    "completions-echo",
    "completions-logprobs",
    "completions-echo-logprobs",
    "completions-two-prompts",
    "completions-two-choices",
)
"""Probes that ask for such a stream, those included that not every server can serve."""


def asks_stream(exchange: Exchange) -> bool:
    """A stream was asked for, of chat or of text completions."""
    return exchange.protocol != "" and exchange.member("stream") is True


def brings_stream(exchange: Exchange) -> bool:
    """A stream was asked for, status 200 came, and it is a stream that came."""
    if not asks_stream(exchange) or exchange.status != 200 or exchange.document is not None:
        return False
    labelled = exchange.head is not None and exchange.head.media_type == "text/event-stream"
    return labelled or any(isinstance(event, Message) for event in exchange.events)


def brings_all(exchange: Exchange) -> bool:
    """A stream that was read until it ended, broke off or ran out of time."""
    return brings_stream(exchange) and exchange.ending in (Ending.EOF, Ending.TIMEOUT, Ending.RESET)


def stream_asked(exchange: Exchange) -> bool:
    """A chat stream was asked for."""
    return exchange.protocol == "chat" and asks_stream(exchange)


def is_stream(exchange: Exchange) -> bool:
    """A chat stream was asked for, status 200 came, and it is a stream that came."""
    return exchange.protocol == "chat" and brings_stream(exchange)


def was_read(exchange: Exchange) -> bool:
    """A chat stream that was read until it ended, broke off or ran out of time."""
    return exchange.protocol == "chat" and brings_all(exchange)


def babbles(exchange: Exchange) -> bool:
    """The model goes on past its end, as it is told to, or does not do what it is asked to: it may say anything then,
    halves of characters, markup and tags too.
    """
    word = marker_of(exchange)
    return exchange.member("ignore_eos") is True or (word != "" and word not in shown_by(exchange))


def stream_options(exchange: Exchange) -> object:
    """The stream_options of the request."""
    return exchange.member("stream_options")


def asks_usage(exchange: Exchange) -> bool:
    """The request has include_usage true."""
    options = stream_options(exchange)
    return isinstance(options, dict) and options.get("include_usage") is True


def counts_on(exchange: Exchange) -> bool:
    """The request wants the usage so far on every chunk, in the manner of vLLM and SGLang."""
    options = stream_options(exchange)
    return isinstance(options, dict) and options.get("continuous_usage_stats") is True


def token_limit(exchange: Exchange) -> int:
    """The limit of tokens that was asked for, 0 where there is none."""
    limits = (exchange.member("max_completion_tokens"), exchange.member("max_tokens"))
    return next((limit for limit in limits if isinstance(limit, int) and limit > 0), 0)


def posts_json(exchange: Exchange) -> bool:
    """A chat request was posted and a response head came."""
    return exchange.protocol == "chat" and exchange.request.method == "POST" and exchange.head is not None
