"""The needs that rules name: kinds of exchanges, and the probes that bring them about. Knows no rule."""

from conformance.protocols.exchange import Exchange
from conformance.rules.chat.tool_needs import CHOICE_UNKNOWN, CHOICE_WITHOUT_TOOLS

from .determinism import undetermined
from .need import (
    ANY_STREAM,
    ANY_TEXT_STREAM,
    STREAMS,
    TEXT_STREAMS,
    Need,
    asks_stream,
    asks_usage,
    brings_all,
    brings_stream,
    counts_on,
    is_stream,
    posts_json,
    stream_options,
    token_limit,
    was_read,
)
from .refusal_needs import (
    CONTENT_TYPE_TEXT,
    CONTEXT_EXCEEDED,
    MODEL_MISSING,
    PARAMETER_UNKNOWN,
    STOP_TOO_MANY,
    STREAM_TEXT,
)

REFUSALS = (
    "bad-json",
    "messages-missing",
    "messages-empty",
    "max-tokens-text",
    "temperature-text",
    "choices-zero",
    "max-tokens-negative",
    "temperature-high",
    "role-unknown",
    "messages-text",
)
"""Probes whose request every server has to refuse."""
VALID = (*STREAMS, *TEXT_STREAMS)
"""Probes that ask for a stream that every server of their protocol can serve."""
TWINS = ("twin", "tools-twin")
"""Probes that send the same request streamed and not streamed."""
OF_PROXIES = (502, 503, 504)
"""Statuses that proxies write, which know nothing of this API."""
ROLES = ("developer", "system", "user", "assistant", "tool", "function")
RANGES = {"n": (1, 128), "max_tokens": (0, None), "temperature": (0, 2), "top_p": (0, 1), "top_logprobs": (0, 20)}
"""Least and greatest value of request members, from the OpenAI OpenAPI document."""


def _has_range_error(exchange: Exchange) -> bool:
    for name, (least, most) in RANGES.items():
        value = exchange.member(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name != "max_tokens" and is_number and (value < least or (most is not None and value > most)):
            return True
    return False


def _has_type_error(exchange: Exchange) -> bool:
    numbers = any(isinstance(exchange.member(name), str) for name in RANGES)
    return numbers or isinstance(exchange.member("messages"), str | dict)


def _has_unknown_role(exchange: Exchange) -> bool:
    messages = exchange.member("messages")
    roles = [m.get("role") for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    return any(isinstance(role, str) and role not in ROLES for role in roles)


def _is_no_answer(exchange: Exchange) -> bool:
    """Neither a stream nor a refusal by the server, whatever the request was."""
    proxied = exchange.status in OF_PROXIES and exchange.document is None
    return proxied or (exchange.status < 400 and exchange.status != 200)


ANY = Need(name="a response on the wire", fits=lambda e: e.layer == "wire", probes=STREAMS)
HEAD = Need(name="a response head", fits=lambda e: e.head is not None, probes=STREAMS)
WIRE_HEAD = Need(
    name="a response head as it was on the wire",
    fits=lambda e: e.layer == "wire" and e.head is not None,
    probes=STREAMS,
)
ANSWER = Need(
    name="a response of any kind, as it was on the wire",
    fits=WIRE_HEAD.fits,
    probes=("document", *REFUSALS, *STREAMS),
)
JSON_ANSWER = Need(
    name="an answer that is one JSON document",
    fits=lambda e: e.head is not None and e.document is not None and not (asks_stream(e) and e.status == 200),
    probes=("document", *REFUSALS),
)
UNAUTHORIZED = Need(
    name="the answer to a request without a valid key",
    fits=lambda e: e.status == 401 or (e.head is not None and e.probe == "key-missing"),
    probes=("key-missing",),
    feature="auth",
)
STREAM_ASKED = Need(
    name="the answer to a valid request for a stream",
    fits=lambda e: (
        asks_stream(e) and e.head is not None and (e.probe in VALID or (e.status == 200 and not INVALID.fits(e)))
    ),
    probes=VALID,
    protocol="any",
)
VALID_STREAM_ASKED = Need(
    name="the answer to a request for a stream that every server can serve",
    fits=lambda e: (
        asks_stream(e)
        and e.head is not None
        and (e.probe in VALID or (not e.probe and _is_no_answer(e) and not INVALID.fits(e)))
    ),
    probes=VALID,
    protocol="any",
)
STREAM = Need(name="a stream", fits=is_stream, probes=ANY_STREAM, protocol="chat")
LASTING = Need(
    name="a stream, best of more than a second",
    fits=is_stream,
    probes=(*ANY_STREAM, "lasting"),
    protocol="chat",
)
WIRE_STREAM = Need(
    name="a stream with its HTTP framing",
    fits=lambda e: brings_stream(e) and e.layer == "wire",
    probes=VALID,
    protocol="any",
)
EVENTS = Need(
    name="a stream of events",
    fits=brings_stream,
    probes=(*ANY_STREAM, *ANY_TEXT_STREAM),
    protocol="any",
)
EVENTS_READ = Need(
    name="a stream of events that was read to its end",
    fits=brings_all,
    probes=(*ANY_STREAM, *ANY_TEXT_STREAM),
    protocol="any",
)
READ_ALL = Need(name="a stream that was read to its end", fits=was_read, probes=ANY_STREAM, protocol="chat")
TIMED = Need(
    name="a stream with arrival times",
    fits=lambda e: was_read(e) and e.ended_at is not None,
    probes=STREAMS,
    protocol="chat",
)
USAGE_ASKED = Need(
    name="a stream with stream_options.include_usage true",
    fits=lambda e: was_read(e) and asks_usage(e) and not counts_on(e),
    probes=("usage-asked", "two-choices"),
    protocol="chat",
    feature="usage",
)
USAGE_NOT_ASKED = Need(
    name="a stream without stream_options",
    fits=lambda e: is_stream(e) and stream_options(e) is None,
    probes=("stream",),
    protocol="chat",
)
USAGE_OPTIONS = Need(
    name="a stream with stream_options that do not ask for usage",
    fits=lambda e: is_stream(e) and isinstance(stream_options(e), dict) and not asks_usage(e),
    probes=("usage-options-empty",),
    protocol="chat",
    feature="usage",
)
ONE_TOKEN = Need(
    name="a stream with max_tokens 1 and no stop sequence",
    fits=lambda e: (
        was_read(e) and 1 in (e.member("max_tokens"), e.member("max_completion_tokens")) and not e.member("stop")
    ),
    probes=("max-tokens-one",),
    protocol="chat",
)
LIMITED = Need(
    name="a stream with max_tokens",
    fits=lambda e: was_read(e) and token_limit(e) > 0 and e.member("max_completion_tokens") is None,
    probes=("max-tokens-one", "long-text"),
    protocol="chat",
)
PLAIN = Need(
    name="a stream without limit, stop sequence and tools",
    fits=lambda e: (
        was_read(e)
        and e.member("max_tokens") is None
        and e.member("max_completion_tokens") is None
        and not e.member("stop")
        and not e.member("tools")
    ),
    probes=("stream", "usage-asked", "usage-options-empty", "non-ascii"),
    protocol="chat",
)
STOP = Need(
    name="a stream with a stop sequence",
    fits=lambda e: was_read(e) and bool(e.member("stop")),
    probes=("stop-sequence", "stop-text", "stop-several"),
    protocol="chat",
    feature="stop",
)
CHOICES = Need(
    name="a stream with n above 1",
    fits=lambda e: was_read(e) and isinstance(e.member("n"), int) and e.member("n") > 1,
    probes=("two-choices",),
    protocol="chat",
    feature="choices",
)
TWIN = Need(
    name="the same request streamed and not streamed",
    fits=lambda e: was_read(e) and e.beside is not None and isinstance(e.beside.document, dict) and e.probe in TWINS,
    probes=TWINS,
    protocol="chat",
    feature="deterministic",
    alone=False,
    unless=undetermined,
)
SECOND = Need(
    name="a second request on the same connection",
    fits=lambda e: e.beside is not None and e.probe == "keep-alive",
    probes=("keep-alive",),
    alone=False,
)
TWO_STREAMS = Need(
    name="two streams",
    fits=lambda e: (
        is_stream(e) and e.beside is not None and is_stream(e.beside) and e.request.body != e.beside.request.body
    ),
    probes=("two-streams", "keep-alive"),
    protocol="chat",
    alone=False,
)
DOCUMENT_ASKED = Need(
    name="the answer to a valid request without stream",
    fits=lambda e: (
        posts_json(e) and isinstance(e.request.body, dict) and e.member("stream") in (None, False) and e.status == 200
    ),
    probes=("document",),
    protocol="chat",
)
DOCUMENT = Need(
    name="a completion that was not streamed",
    fits=lambda e: DOCUMENT_ASKED.fits(e) and isinstance(e.document, dict) and e.document.get("error") is None,
    probes=("document",),
    protocol="chat",
)
REFUSED = Need(
    name="a refused request",
    fits=lambda e: posts_json(e) and e.status >= 400,
    probes=REFUSALS,
    protocol="chat",
)
BAD_JSON = Need(
    name="a request body that is not JSON",
    fits=lambda e: posts_json(e) and isinstance(e.request.body, str),
    probes=("bad-json",),
    protocol="chat",
)
MESSAGES_MISSING = Need(
    name="a request without messages",
    fits=lambda e: posts_json(e) and isinstance(e.request.body, dict) and "messages" not in e.request.body,
    probes=("messages-missing",),
    protocol="chat",
)
MESSAGES_EMPTY = Need(
    name="a request whose messages are empty",
    fits=lambda e: posts_json(e) and e.member("messages") == [],
    probes=("messages-empty",),
    protocol="chat",
)
WRONG_TYPE = Need(
    name="a request with a member of the wrong type",
    fits=lambda e: posts_json(e) and _has_type_error(e),
    probes=("max-tokens-text", "temperature-text", "messages-text"),
    protocol="chat",
)
OUT_OF_RANGE = Need(
    name="a request with a member out of range",
    fits=lambda e: posts_json(e) and _has_range_error(e),
    probes=("choices-zero", "temperature-high"),
    protocol="chat",
)
LIMIT_NEGATIVE = Need(
    name="a request with a negative max_tokens",
    fits=lambda e: posts_json(e) and isinstance(e.member("max_tokens"), int) and e.member("max_tokens") < 0,
    probes=("max-tokens-negative",),
    protocol="chat",
)
ROLE_UNKNOWN = Need(
    name="a request with an unknown role",
    fits=lambda e: posts_json(e) and _has_unknown_role(e),
    probes=("role-unknown",),
    protocol="chat",
)
INVALID: Need = Need(
    name="a request that is not in order",
    fits=lambda e: any(
        need.fits(e)
        for need in (
            BAD_JSON,
            MESSAGES_MISSING,
            MESSAGES_EMPTY,
            WRONG_TYPE,
            OUT_OF_RANGE,
            ROLE_UNKNOWN,
            MODEL_MISSING,
            CHOICE_UNKNOWN,
            CHOICE_WITHOUT_TOOLS,
            STOP_TOO_MANY,
            STREAM_TEXT,
            PARAMETER_UNKNOWN,
            CONTENT_TYPE_TEXT,
            CONTEXT_EXCEEDED,
        )
    ),
    probes=(
        *REFUSALS,
        "tool-choice-unknown",
        "tool-choice-without-tools",
        "model-missing",
        "stop-five",
        "stream-text",
        "parameter-unknown",
        "content-type-text",
        "context-exceeded",
    ),
    protocol="chat",
)
OPTIONS_WITHOUT_STREAM = Need(
    name="a request with stream_options and without stream",
    fits=lambda e: posts_json(e) and isinstance(stream_options(e), dict) and e.member("stream") in (None, False),
    probes=("options-without-stream",),
    protocol="chat",
)
MODEL_UNKNOWN = Need(
    name="a request for a model that does not exist",
    fits=lambda e: posts_json(e) and e.probe == "model-unknown",
    probes=("model-unknown",),
    protocol="chat",
    feature="model-check",
)
KEY_MISSING = Need(
    name="a request without a key",
    fits=lambda e: posts_json(e) and e.probe == "key-missing",
    probes=("key-missing",),
    protocol="chat",
    feature="auth",
)
