"""Streams that break, errors instead of a stream, requests that ought to be refused: what has to reach the client."""

from dataclasses import replace
from typing import Any

from conformance.protocols.exchange import Request
from conformance.wire.script import Reset
from mockserver import routes
from mockserver.answering import Settings
from mockserver.upstream import Plan

from .situation import About, Situation
from .telling import (
    DONE,
    data,
    document,
    error,
    good,
    model_of,
    stream,
    written,
)

HALFWAY = 5
"""Events before a stream breaks."""


def _begun(request: Request) -> list[bytes]:
    return written(good(request), done=False)[:HALFWAY]


def _cut(request: Request) -> Plan:
    half = written(good(request))[HALFWAY]
    return stream([*_begun(request), half[: len(half) // 2]], cut=True)


def _cut_between(request: Request) -> Plan:
    return stream(_begun(request), cut=True)


def _reset(request: Request) -> Plan:
    half = written(good(request))[HALFWAY]
    return stream([*_begun(request), half[: len(half) // 2]], then=(Reset(),))


def _unfinished(request: Request) -> Plan:
    return stream(_begun(request))


def _no_finish(request: Request) -> Plan:
    chunks = [c for c in good(request) if not (c["choices"] and c["choices"][0]["finish_reason"])]
    return stream(written(chunks))


def _error_event(request: Request) -> Plan:
    told = data(error("The server had an error while it processed your request", "server_error", "engine_overloaded"))
    return stream([*_begun(request), told, DONE])


def _error_named(request: Request) -> Plan:
    told = data(error("The server had an error while it processed your request", "server_error", "engine_overloaded"))
    return stream([*_begun(request), b"event: error\n" + told])


def _bad_line(request: Request) -> Plan:
    events = written(good(request))
    broken = events[HALFWAY][: len(events[HALFWAY]) // 2] + b"\n\n"
    return stream([*events[:HALFWAY], broken, *events[HALFWAY + 1 :]])


def _rate_limited(_: Request) -> Plan:
    told = error("Rate limit reached for requests", "requests", "rate_limit_exceeded")
    return document(told, 429, (("retry-after", "1"), ("x-ratelimit-reset-requests", "1s")))


def _not_found(request: Request) -> Plan:
    message = f"The model `{model_of(request)}` does not exist"
    return document(error(message, "invalid_request_error", "model_not_found"), 404)


def _too_long(_: Request) -> Plan:
    message = "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens."
    return document(error(message, "invalid_request_error", "context_length_exceeded", "messages"), 400)


def _overloaded(_: Request) -> Plan:
    return document(error("The engine is currently overloaded", "server_error", "engine_overloaded"), 503)


def _html(_: Request) -> Plan:
    return document("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, content_type="text/html")


def _error_200(_: Request) -> Plan:
    return document(error("The model is still being loaded", "server_error", "model_loading"))


def _as_openai(request: Request) -> Plan:
    """As our own mock server answers, which refuses what OpenAI refuses."""
    plain = replace(request, url=f"http://upstream{routes.CHAT}", method="POST")
    return Plan(routes.respond(plain, Settings(models=(model_of(request),))))


def _lenient(request: Request) -> Plan:
    return stream(written(good(request)))


BROKEN = tuple(
    Situation(about=About.BROKEN, name=name, says=says, respond=respond, ends=ends)
    for name, says, respond, ends in (
        ("no-finish", "no finish_reason, then [DONE]", _no_finish, "unfinished"),
        (
            "clean-end",
            "the stream ends in order after five events: no finish_reason, no [DONE]",
            _unfinished,
            "unfinished",
        ),
        ("cut", "the connection is closed inside a data line", _cut, "cut"),
        ("cut-between", "the connection is closed between two events", _cut_between, "cut"),
        ("reset", "the connection is reset inside a data line", _reset, "reset"),
        ("error-event", "an error object in the stream, then [DONE]", _error_event, "failed"),
        ("error-named", "an error object in an event named `error`, then the end", _error_named, "failed"),
        ("broken-line", "a data line that is half a JSON text; then the stream goes on", _bad_line, "broken"),
    )
)

_UNKNOWN: dict[str, Any] = {"x_streamspec": {"kept": True}, "top_k": 7}

REQUESTS = (
    Situation(
        about=About.REQUEST,
        name="unknown-request-members",
        says="the request has members that OpenAI does not know; the upstream takes them",
        respond=_lenient,
        body=_UNKNOWN,
    ),
    Situation(
        about=About.REQUEST,
        name="many-parameters",
        says="the request sets temperature, top_p, seed, stop, max_tokens, logprobs and user",
        respond=_lenient,
        body={
            "temperature": 0.3,
            "top_p": 0.9,
            "seed": 42,
            "stop": ["END"],
            "max_tokens": 50,
            "presence_penalty": 0.5,
            "user": "somebody",
        },
    ),
    Situation(
        about=About.REQUEST,
        name="temperature-9",
        says="the request has temperature 9, which the upstream refuses as OpenAI does",
        respond=_as_openai,
        body={"temperature": 9},
        own_answer=True,
        refusal=True,
    ),
    Situation(
        about=About.REQUEST,
        name="no-messages",
        says="the request has no messages",
        respond=_as_openai,
        body={"messages": None},
        own_answer=True,
        refusal=True,
    ),
    Situation(
        about=About.REQUEST,
        name="broken-request",
        says="the request is cut off inside its JSON",
        respond=_as_openai,
        broken_json=True,
        own_answer=True,
        refusal=True,
    ),
    Situation(
        about=About.REQUEST,
        name="stream-options-alone",
        says="the request has stream_options without stream, which the upstream refuses as OpenAI does",
        respond=_as_openai,
        body={"stream": None, "stream_options": {"include_usage": True}},
        own_answer=True,
    ),
)

REFUSED = tuple(
    Situation(about=About.REFUSED, name=name, says=says, respond=respond, refusal=True)
    for name, says, respond in (
        ("context-length", "400 with code context_length_exceeded", _too_long),
        ("model-not-found", "404 with code model_not_found", _not_found),
        ("rate-limit", "429 with retry-after: 1", _rate_limited),
        ("error-in-200", "status 200 with an error object as JSON", _error_200),
        ("html-502", "502 with an HTML page", _html),
        ("overloaded", "503 with an error object", _overloaded),
    )
)

__all__ = ["BROKEN", "REFUSED", "REQUESTS"]
