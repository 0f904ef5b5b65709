"""Whether a request for a stream gets one. Knows nothing of what the stream says."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import is_stream, on_answer
from conformance.rules.needs import STREAM_ASKED, VALID_STREAM_ASKED
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, issue
from conformance.rules.sse.unusual import has_messages
from conformance.wire.script import Answer, Framing, Send

OVERLOADED = b'{"error":{"message":"The engine is overloaded.","type":"server_error","param":null,"code":null}}'
COMPLETION = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1767225600,"model":"mock","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Hello!","refusal":null},"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}'
)
BAD_GATEWAY = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body>\n</html>\n"
LOGIN = b"<!doctype html>\n<html><body>Sign in to go on.</body></html>\n"


def _instead(answer: Answer, status: int, content_type: str, body: bytes) -> Answer:
    """Another answer in place of a stream."""
    if not is_stream(answer):
        return answer
    headers = (("content-type", content_type), *(h for h in answer.headers if h[0].lower() == "x-request-id"))
    return replace(answer, status=status, headers=headers, acts=(Send(body),), framing=Framing.LENGTH)


@on_answer
def overloaded(answer: Answer) -> Answer:
    return _instead(answer, 503, "application/json", OVERLOADED)


@on_answer
def bad_gateway(answer: Answer) -> Answer:
    return _instead(answer, 502, "text/html", BAD_GATEWAY)


@on_answer
def no_content(answer: Answer) -> Answer:
    return replace(answer, status=204, acts=(), framing=Framing.CLOSE) if is_stream(answer) else answer


@on_answer
def created(answer: Answer) -> Answer:
    """The stream is right and the status is not: clients that compare with 200 refuse it."""
    return replace(answer, status=201) if is_stream(answer) else answer


@on_answer
def sent_elsewhere(answer: Answer) -> Answer:
    found = _instead(answer, 307, "text/plain", b"")
    return replace(found, headers=(*found.headers, ("location", "/login"))) if is_stream(answer) else answer


@rule(
    id="http/status/success",
    level=MUST,
    says="A valid request for a stream is answered with status 200.",
    source=(OPENAPI.at("POST /chat/completions, responses.200"), OBSERVED.at("109 of 109")),
    needs=VALID_STREAM_ASKED,
    broken_by=(overloaded, bad_gateway, no_content, created, sent_elsewhere),
)
def success(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    if exchange.status != 200:
        yield stream.finding("status 200", f"status {exchange.status}: {show(exchange.body[:400])}")


@on_answer
def whole_completion(answer: Answer) -> Answer:
    """`stream` is ignored."""
    return _instead(answer, 200, "application/json", COMPLETION)


@on_answer
def whole_completion_called_a_stream(answer: Answer) -> Answer:
    return _instead(answer, 200, "text/event-stream", COMPLETION)


@rule(
    id="http/status/stream-honoured",
    level=MUST,
    says="A request for a stream is not answered with a whole completion.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream"),
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 3: a whole completion with status 200 is an empty answer to most"),
    ),
    needs=STREAM_ASKED,
    broken_by=(whole_completion, whole_completion_called_a_stream),
    ignored="stream",
)
def stream_honoured(stream: View) -> Iterator[Finding]:
    if _whole_completion(stream):
        yield stream.finding("a stream of messages", f"one JSON document: {show(stream.exchange.body)}")


def _whole_completion(stream: View) -> bool:
    document = stream.exchange.document
    return stream.exchange.status == 200 and isinstance(document, dict) and isinstance(document.get("choices"), list)


@on_answer
def error_with_success(answer: Answer) -> Answer:
    return _instead(answer, 200, "application/json", OVERLOADED)


@on_answer
def login_page(answer: Answer) -> Answer:
    return _instead(answer, 200, "text/html", LOGIN)


@on_answer
def nothing(answer: Answer) -> Answer:
    """The status line is out before the upstream fails, and the proxy ends the body cleanly."""
    return replace(answer, acts=()) if is_stream(answer) else answer


@rule(
    id="http/status/streams",
    level=MUST,
    says="Status 200 to a request for a stream brings a stream of messages.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream"),
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 3: a JSON error or HTML with status 200 is an empty answer to most"),
        issue("huggingface/chat-ui#430"),
    ),
    needs=STREAM_ASKED,
    broken_by=(error_with_success, login_page, nothing),
)
def streams(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    if exchange.status != 200 or exchange.head is None or _whole_completion(stream):
        return
    if exchange.document is not None:
        yield stream.finding("a stream of messages", f"one JSON document: {show(exchange.body)}")
    elif stream.ended and not has_messages(stream):
        got = f"a body without a message: {show(exchange.body)}" if exchange.body else "an empty body"
        yield stream.finding("a stream of messages", f"{got} ({exchange.head.media_type or 'no content-type'})")


RULES = (success, stream_honoured, streams)
