"""The headers of an answer. Knows nothing of its framing, and of the body only whether it is JSON."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message as Mime

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import is_stream, on_answer, on_headers
from conformance.rules.needs import EVENTS, JSON_ANSWER, SECOND, UNAUTHORIZED, WIRE_HEAD, WIRE_STREAM
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, HTML, OBSERVED, OPENAPI, RFC9110, SUITE, issue
from conformance.wire.http import Head
from conformance.wire.script import Answer, Send, body

from .framing import BROKEN_CODING, UNREADABLE_CODING

EVENT_STREAM = "text/event-stream"
SINGLE = ("content-type", "content-length", "date", "server", "location", "retry-after")
"""Headers of one value."""
REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-litellm-call-id")


def _labelled(answer: Answer, content_type: str | None) -> Answer:
    """A stream under another name."""
    if not is_stream(answer):
        return answer
    others = tuple(h for h in answer.headers if h[0].lower() != "content-type")
    return replace(answer, headers=others if content_type is None else (("content-type", content_type), *others))


@on_answer
def called_json(answer: Answer) -> Answer:
    return _labelled(answer, "application/json")


@on_answer
def called_text(answer: Answer) -> Answer:
    return _labelled(answer, "text/plain; charset=utf-8")


@on_answer
def called_something_like_it(answer: Answer) -> Answer:
    return _labelled(answer, "application/event-stream")


@on_answer
def not_called_anything(answer: Answer) -> Answer:
    return _labelled(answer, None)


@rule(
    id="http/headers/event-stream",
    level=MUST,
    says="A stream has the content type text/event-stream.",
    source=(
        OPENAPI.at("POST /chat/completions, responses.200.content"),
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 3: httpx-sse refuses anything else"),
        issue("microsoft/foundry-dev-tools#195"),
    ),
    needs=EVENTS,
    broken_by=(called_json, called_text, called_something_like_it, not_called_anything),
)
def event_stream(stream: View) -> Iterator[Finding]:
    head = stream.exchange.head
    if head is not None and head.media_type != EVENT_STREAM:
        yield stream.finding(f"content-type: {EVENT_STREAM}", _header(head, "content-type"))


@on_answer
def in_latin(answer: Answer) -> Answer:
    return _labelled(answer, f"{EVENT_STREAM}; charset=iso-8859-1")


@on_answer
def in_ascii(answer: Answer) -> Answer:
    return _labelled(answer, f'{EVENT_STREAM}; charset="us-ascii"')


@rule(
    id="http/headers/charset",
    level=MUST,
    says="The charset of a stream, if one is given, is utf-8.",
    source=(
        HTML.at("registration of text/event-stream: the parameter charset"),
        CLIENTS.at("finding 12: httpx and httpx-sse decode with the charset, and give mojibake"),
    ),
    needs=EVENTS,
    broken_by=(in_latin, in_ascii),
)
def charset(stream: View) -> Iterator[Finding]:
    head = stream.exchange.head
    if head is not None and head.media_type == EVENT_STREAM:
        mime = Mime()
        mime["content-type"] = head.get("content-type")
        given = mime.get_param("charset")
        if isinstance(given, str) and given.strip().lower() not in ("utf-8", "utf8"):
            yield stream.finding("charset=utf-8", _header(head, "content-type"))


@on_answer
def two_content_types(answer: Answer) -> Answer:
    """The framework has its own, and the handler adds one."""
    return replace(answer, headers=(*answer.headers, ("Content-Type", "application/json")))


@on_answer
def two_dates(answer: Answer) -> Answer:
    """The proxy adds its own to the upstream's."""
    date = ("date", "Thu, 01 Jan 2026 00:00:00 GMT")
    return replace(answer, headers=(*answer.headers, date, date))


@rule(
    id="http/headers/sent-once",
    level=MUST,
    says="A header of one value is sent once.",
    source=(RFC9110.at("5.3: a sender must not generate several lines of a field that is no list"),),
    needs=WIRE_HEAD,
    broken_by=(two_content_types, two_dates),
)
def sent_once(exchange: Exchange) -> Iterator[Finding]:
    for name in SINGLE:
        values = exchange.head.all(name) if exchange.head else []
        if len(values) > 1:
            yield exchange.finding(f"one {name}", show(values))


@on_answer
def compressed(answer: Answer) -> Answer:
    """A middleware compresses what it was not asked to, and holds events back to do so."""
    if not is_stream(answer):
        return answer
    packed = gzip.compress(body(answer.acts), mtime=0)
    return replace(answer, headers=(*answer.headers, ("content-encoding", "gzip")), acts=(Send(packed),))


@rule(
    id="http/headers/coding-asked-for",
    level=SHOULD,
    says="A body has a content coding only when the request accepts it.",
    source=(
        RFC9110.at("12.5.3: without the field any coding is acceptable, a client just may not read it"),
        SUITE.at("compression holds events back"),
        issue("tower-rs/tower-http#419"),
        issue("Kludex/starlette#2753"),
    ),
    needs=WIRE_STREAM,
    broken_by=(compressed,),
)
def coding_asked_for(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    coding = exchange.head.get("content-encoding").strip().lower() if exchange.head else ""
    if coding in ("", "identity") or _flaw(exchange).startswith(BROKEN_CODING):
        return
    if not exchange.request.headers and not _flaw(exchange).startswith(UNREADABLE_CODING):
        return  # nothing is known of what the request accepts
    accepted = exchange.request.header("accept-encoding") or ""
    if coding not in accepted.lower() and "*" not in accepted:
        got = f"content-encoding: {coding} for accept-encoding: {accepted or 'none'}"
        yield stream.finding("no content coding", got)


@on_headers
def said_and_not_done(headers: dict[str, str]) -> dict[str, str]:
    """The proxy unpacked the upstream's body and kept its header."""
    return {**headers, "content-encoding": "gzip"} if headers.get("content-type", "").startswith("text/") else headers


@on_answer
def packed_and_never_finished(answer: Answer) -> Answer:
    """The packer is flushed after each event, and nobody closes it."""
    if not is_stream(answer):
        return answer
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(body(answer.acts)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return replace(answer, headers=(*answer.headers, ("content-encoding", "gzip")), acts=(Send(packed),))


@rule(
    id="http/headers/coding-true",
    level=MUST,
    says="A body has the content coding that its head names.",
    source=(RFC9110.at("8.4"), CLIENTS.at("case t_gzip_lie: Node clients raise or hang")),
    needs=WIRE_HEAD,
    broken_by=(said_and_not_done, packed_and_never_finished),
)
def coding_true(exchange: Exchange) -> Iterator[Finding]:
    if exchange.head is not None and _flaw(exchange).startswith(BROKEN_CODING):
        yield exchange.finding(_header(exchange.head, "content-encoding"), _flaw(exchange))


def _flaw(exchange: Exchange) -> str:
    return exchange.transport.flaw if exchange.transport else ""


@on_headers
def called_plain(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "content-type": "text/plain"} if "json" in headers.get("content-type", "") else headers


@on_headers
def refusal_called_a_stream(headers: dict[str, str]) -> dict[str, str]:
    """As sglang-router and vllm-router do with what the engine refuses."""
    return {**headers, "content-type": EVENT_STREAM} if "json" in headers.get("content-type", "") else headers


@on_headers
def no_type(headers: dict[str, str]) -> dict[str, str]:
    json = "json" in headers.get("content-type", "")
    return {name: value for name, value in headers.items() if not (json and name == "content-type")}


@rule(
    id="http/headers/json",
    level=MUST,
    says="A JSON document has the content type application/json.",
    source=(
        OPENAPI.at("POST /chat/completions, responses.200.content"),
        CLIENTS.at("openai-python gives a completion of another type as a plain str"),
    ),
    needs=JSON_ANSWER,
    broken_by=(called_plain, refusal_called_a_stream, no_type),
)
def json(exchange: Exchange) -> Iterator[Finding]:
    head = exchange.head
    if head is not None and head.media_type != "application/json" and not head.media_type.endswith("+json"):
        yield exchange.finding("content-type: application/json", _header(head, "content-type"))


@on_headers
def challenge_left_out(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "www-authenticate"}


@on_headers
def challenge_empty(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "www-authenticate": ""} if "www-authenticate" in headers else headers


@rule(
    id="http/headers/challenge",
    level=SHOULD,
    says="Status 401 brings a www-authenticate header.",
    source=(
        RFC9110.at("11.6.1: the server must send at least one challenge"),
        SUITE.at("SHOULD, because no client that was measured reads it"),
    ),
    needs=UNAUTHORIZED,
    broken_by=(challenge_left_out, challenge_empty),
)
def challenge(exchange: Exchange) -> Iterator[Finding]:
    if exchange.head is not None and exchange.status == 401 and not exchange.head.get("www-authenticate").strip():
        yield exchange.finding("www-authenticate: Bearer", _header(exchange.head, "www-authenticate"))


def _without(answer: Answer, name: str) -> Answer:
    """A stream without a header."""
    others = tuple(h for h in answer.headers if h[0].lower() != name)
    return replace(answer, headers=others) if is_stream(answer) else answer


@on_answer
def caching_not_mentioned(answer: Answer) -> Answer:
    return _without(answer, "cache-control")


@on_answer
def kept_for_an_hour(answer: Answer) -> Answer:
    found = _without(answer, "cache-control")
    return (
        replace(found, headers=(*found.headers, ("cache-control", "public, max-age=3600")))
        if found != answer
        else found
    )


@rule(
    id="http/headers/cache-control",
    level=MAY,
    says="A stream says that it is not to be cached.",
    source=(
        SUITE.at("no-cache or no-store; some proxies stop to buffer then"),
        issue("blinkk/rootjs#1231"),
    ),
    needs=WIRE_STREAM,
    broken_by=(caching_not_mentioned, kept_for_an_hour),
)
def cache_control(stream: View) -> Iterator[Finding]:
    head = stream.exchange.head
    if head is not None and not any("no-cache" in v or "no-store" in v for v in head.all("cache-control")):
        yield stream.finding("cache-control: no-cache", _header(head, "cache-control"))


@on_answer
def buffering_not_mentioned(answer: Answer) -> Answer:
    return _without(answer, "x-accel-buffering")


@rule(
    id="http/headers/accel-buffering",
    level=MAY,
    says="A stream asks proxies not to buffer it.",
    source=(SUITE.at("x-accel-buffering: no is what nginx obeys; TGI, llama.cpp, LiteLLM and Azure send it"),),
    needs=WIRE_STREAM,
    broken_by=(buffering_not_mentioned,),
)
def accel_buffering(stream: View) -> Iterator[Finding]:
    head = stream.exchange.head
    if head is not None and head.get("x-accel-buffering").strip().lower() != "no":
        yield stream.finding("x-accel-buffering: no", _header(head, "x-accel-buffering"))


@on_headers
def request_id_left_out(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "x-request-id"}


@rule(
    id="http/headers/request-id",
    level=MAY,
    says="Every answer has a request id.",
    source=(
        CLIENTS.at("openai-python and openai-node show x-request-id as _request_id"),
        SUITE.at("without it nobody finds the request in the server's log"),
    ),
    needs=WIRE_HEAD,
    broken_by=(request_id_left_out,),
)
def request_id(exchange: Exchange) -> Iterator[Finding]:
    if exchange.head is not None and not _request_id(exchange.head):
        yield exchange.finding("x-request-id", "no such header")


@on_headers
def request_id_constant(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "x-request-id": "req_0"}


@rule(
    id="http/headers/request-id-new",
    level=SHOULD,
    says="Two answers have two request ids.",
    source=(SUITE.at("the id is what a log is searched for"),),
    needs=SECOND,
    broken_by=(request_id_constant,),
)
def request_id_new(exchange: Exchange) -> Iterator[Finding]:
    if exchange.head is not None and exchange.beside is not None and exchange.beside.head is not None:
        first, second = _request_id(exchange.beside.head), _request_id(exchange.head)
        if first and first == second:
            yield exchange.finding("another request id", show(second))


def _request_id(head: Head) -> str:
    return next((value for name in REQUEST_IDS if (value := head.get(name).strip())), "")


def _header(head: Head, name: str) -> str:
    values = head.all(name)
    return f"{name}: {show(', '.join(values))[1:-1]}" if values else f"no {name}"


RULES = (
    event_stream,
    charset,
    sent_once,
    coding_asked_for,
    coding_true,
    json,
    challenge,
    cache_control,
    accel_buffering,
    request_id,
    request_id_new,
)
