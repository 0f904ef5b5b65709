"""What rules about JSON in the reply, logprobs, reasoning and usage so far need. Knows no rule."""

from typing import Any

from conformance.protocols.chat import reasoning
from conformance.protocols.exchange import Exchange
from conformance.protocols.fitting import is_schema
from conformance.rules.determinism import undetermined
from conformance.rules.need import Need, asks_usage, counts_on, is_stream, posts_json, token_limit, was_read
from conformance.rules.needs import STOP

SMALL = 16
"""A limit of tokens that ends amid the JSON: what is cut short there is not broken."""
LOGPROB_PROBES = ("logprobs", "logprobs-non-ascii", "logprobs-plain")


def format_of(exchange: Exchange) -> str:
    """The type of response_format that was asked for, "" where there is none."""
    wanted = exchange.member("response_format")
    return str(wanted.get("type")) if isinstance(wanted, dict) else ""


def schema_of(exchange: Exchange) -> Any:
    """The schema that was asked for, None where there is none."""
    wanted = exchange.member("response_format")
    named = wanted.get("json_schema") if isinstance(wanted, dict) else None
    return named.get("schema") if isinstance(named, dict) else None


def _cut_short(exchange: Exchange) -> bool:
    return 0 < token_limit(exchange) <= SMALL


def _asks_json(exchange: Exchange, *kinds: str) -> bool:
    """JSON is asked for, and no stop sequence that might cut it."""
    return was_read(exchange) and format_of(exchange) in kinds and not exchange.member("stop")


def _is_twin(exchange: Exchange, probe: str) -> bool:
    beside = exchange.beside
    return exchange.probe == probe and was_read(exchange) and beside is not None and isinstance(beside.document, dict)


def asks_logprobs(exchange: Exchange) -> bool:
    """The request has logprobs true."""
    return exchange.member("logprobs") is True


def alternatives_asked(exchange: Exchange) -> int:
    """top_logprobs of the request, 0 where it is absent."""
    asked = exchange.member("top_logprobs")
    return asked if isinstance(asked, int) and not isinstance(asked, bool) and asked > 0 else 0


def _thinks(exchange: Exchange) -> bool:
    choices = ((step.chunk or {}).get("choices") for step in exchange.steps if was_read(exchange))
    deltas = (c.get("delta") for found in choices if isinstance(found, list) for c in found if isinstance(c, dict))
    return reasoning.has_any(exchange.body) and any(
        isinstance(delta, dict) and any(delta.get(name) for name in reasoning.NAMES) for delta in deltas
    )


JSON_ASKED = Need(
    name="a stream with a response_format of JSON and room for it",
    fits=lambda e: _asks_json(e, "json_object", "json_schema") and not _cut_short(e),
    probes=("json-object", "json-schema", "json-twin"),
    protocol="chat",
    feature="json",
)
JSON_OBJECT = Need(
    name="a stream with response_format json_object and room for it",
    fits=lambda e: _asks_json(e, "json_object") and not _cut_short(e),
    probes=("json-object",),
    protocol="chat",
    feature="json",
)
JSON_SCHEMA = Need(
    name="a stream with a json_schema and room for it",
    fits=lambda e: _asks_json(e, "json_schema") and not _cut_short(e) and is_schema(schema_of(e)),
    probes=("json-schema", "json-twin"),
    protocol="chat",
    feature="json",
)
JSON_CUT = Need(
    name="a stream with a response_format of JSON and a limit of at most 16 tokens",
    fits=lambda e: _asks_json(e, "json_object", "json_schema") and _cut_short(e),
    probes=("json-schema-cut",),
    protocol="chat",
    feature="json",
)
JSON_IMPOSSIBLE = Need(
    name="a request with a json_schema that is no JSON Schema",
    fits=lambda e: posts_json(e) and format_of(e) == "json_schema" and _is_impossible(schema_of(e)),
    probes=("json-schema-impossible",),
    protocol="chat",
    feature="json",
)
JSON_TWIN = Need(
    name="the same request with a json_schema streamed and not streamed",
    fits=lambda e: _is_twin(e, "json-twin"),
    probes=("json-twin",),
    protocol="chat",
    feature="json",
    alone=False,
)
LOGPROBS = Need(
    name="a stream with logprobs true",
    fits=lambda e: was_read(e) and asks_logprobs(e),
    probes=LOGPROB_PROBES,
    protocol="chat",
    feature="logprobs",
)
LOGPROBS_COUNTED = Need(
    name="a stream with logprobs true and usage",
    fits=lambda e: LOGPROBS.fits(e) and b'"completion_tokens"' in e.body,
    probes=("logprobs",),
    protocol="chat",
    feature="logprobs",
)
ALTERNATIVES = Need(
    name="a stream with logprobs true and top_logprobs of 1 at least",
    fits=lambda e: LOGPROBS.fits(e) and alternatives_asked(e) > 0,
    probes=("logprobs", "logprobs-non-ascii"),
    protocol="chat",
    feature="logprobs",
)
NO_ALTERNATIVES = Need(
    name="a stream with logprobs true and without top_logprobs",
    fits=lambda e: LOGPROBS.fits(e) and not alternatives_asked(e),
    probes=("logprobs-plain",),
    protocol="chat",
    feature="logprobs",
)
LIKELIEST = Need(
    name="a stream with logprobs true and top_logprobs at temperature 0",
    fits=lambda e: ALTERNATIVES.fits(e) and e.member("temperature") == 0,
    probes=("logprobs", "logprobs-non-ascii"),
    protocol="chat",
    feature="logprobs",
)
LOGPROBS_NOT_ASKED = Need(
    name="a stream without logprobs",
    fits=lambda e: is_stream(e) and not e.member("logprobs"),
    probes=("stream",),
    protocol="chat",
)
TOP_LOGPROBS_ALONE = Need(
    name="a request with top_logprobs and without logprobs",
    fits=lambda e: posts_json(e) and alternatives_asked(e) > 0 and e.member("logprobs") is None,
    probes=("top-logprobs-alone",),
    protocol="chat",
    feature="logprobs",
)
LOGPROBS_TWIN = Need(
    name="the same request with logprobs streamed and not streamed",
    fits=lambda e: _is_twin(e, "logprobs-twin"),
    probes=("logprobs-twin",),
    protocol="chat",
    feature="logprobs",
    alone=False,
    unless=undetermined,
)
THINKING = Need(
    name="a stream with reasoning",
    fits=_thinks,
    probes=("reasoning",),
    protocol="chat",
    feature="reasoning",
)
THINKING_TWIN = Need(
    name="the same request that takes thought streamed and not streamed",
    fits=lambda e: _is_twin(e, "reasoning-twin"),
    probes=("reasoning-twin",),
    protocol="chat",
    feature="reasoning",
    alone=False,
    unless=undetermined,
)
CONTINUOUS = Need(
    name="a stream with include_usage and continuous_usage_stats",
    fits=lambda e: was_read(e) and asks_usage(e) and counts_on(e),
    probes=("continuous-usage",),
    protocol="chat",
    feature="continuous-usage",
)
STOP_TWIN = Need(
    name="the same request with a stop sequence that nearly matches streamed and not streamed",
    fits=lambda e: _is_twin(e, "stop-near-miss"),
    probes=("stop-near-miss",),
    protocol="chat",
    feature="stop",
    alone=False,
    unless=undetermined,
)

STOP_ACROSS = Need(
    name="a stream with a stop sequence of several characters",
    fits=lambda e: STOP.fits(e) and e.probe != "stop-near-miss" and _is_long(e.member("stop")),
    probes=("stop-across-tokens",),
    protocol="chat",
    feature="stop",
)


def _is_long(stop: object) -> bool:
    return any(isinstance(text, str) and len(text) > 2 for text in (stop if isinstance(stop, list) else [stop]))


def _is_impossible(schema: object) -> bool:
    return schema is not None and not is_schema(schema)
