"""The mock server as an OpenAPI 3.1 document, put together from the schemas by which it and the rules judge.

Knows no socket. What a stream may say in which order no schema tells: see docs/architecture.md.
"""

from functools import cache
from importlib.metadata import version
from typing import Any

import schemas

Json = dict[str, Any]
SCHEMAS = {
    "ChatRequest": "chat/request",
    "ChatCompletion": "chat/completion.strict",
    "ChatChunk": "chat/chunk.strict",
    "TextRequest": "completions/request",
    "TextCompletion": "completions/chunk.strict",
    "Error": "chat/error.strict",
}
"""The name of each component, and the schema that it is."""
REFUSALS = {
    "400": "The request is not in order.",
    "401": "No key that is let in was sent.",
    "404": "There is no such model.",
    "413": "The body is too long.",
    "415": "The body is called something else than JSON.",
    "429": "Too many requests: over the rate limit, or all slots are taken.",
}
MODEL: Json = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
    },
}
MODELS: Json = {
    "type": "object",
    "required": ["object", "data"],
    "properties": {
        "object": {"const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}},
    },
}


@cache
def document() -> Json:
    """All of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "streamspec mock",
            "version": version("streamspec"),
            "summary": "A deterministic server of chat and text completions, streamed and plain.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/chat/completions": {"post": _completions("A chat completion", "Chat", "ChatChunk")},
            "/v1/completions": {"post": _completions("A text completion", "Text", "TextCompletion")},
            "/v1/models": {"get": _shown("The models that are served", MODELS, refuses=("401",))},
            "/v1/models/{model}": {
                "get": {
                    **_shown("One model", {"$ref": "#/components/schemas/Model"}, refuses=("401", "404")),
                    "parameters": [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}],
                }
            },
            "/health": {"get": _shown("Whether the server is well, and what it has been told")},
            "/journal": {"get": {**_shown("What was asked, and what became of it"), "parameters": _journal()}},
            "/metrics": {"get": _shown("Figures for Prometheus", media="text/plain")},
            "/slots": {"get": _shown("What each slot is at", {"type": "array"}, refuses=("404",))},
            "/openapi.json": {"get": _shown("This document")},
            "/": {"get": _shown("A page that draws the journal", media="text/html")},
            "/control/reset": {"post": _told("Be as at the start")},
            "/control/fault": {
                "post": _told("Break a rule from now on, or none", {"fault": {"type": ["string", "null"]}})
            },
            "/control/scenario": {"post": _told("Reply by this scenario from now on, or by none", {})},
        },
        "components": {
            "schemas": {**{name: _component(name) for name in SCHEMAS}, "Model": MODEL},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _component(name: str) -> Json:
    """A schema whose references are those of its new place."""
    schema = {key: value for key, value in schemas.load(SCHEMAS[name]).items() if key not in ("$id", "$schema")}
    moved = _moved(schema, f"#/components/schemas/{name}")
    assert isinstance(moved, dict)
    return moved


def _moved(value: object, place: str) -> object:
    match value:
        case dict():
            return {
                key: f"{place}{inner[1:]}" if key == "$ref" else _moved(inner, place) for key, inner in value.items()
            }
        case list():
            return [_moved(inner, place) for inner in value]
        case _:
            return value


def _content(media: str, schema: Json) -> Json:
    return {"content": {media: {"schema": schema}}}


def _refused(statuses: tuple[str, ...]) -> Json:
    error = _content("application/json", {"$ref": "#/components/schemas/Error"})
    return {status: {"description": REFUSALS[status], **error} for status in statuses}


def _completions(says: str, kind: str, chunk: str) -> Json:
    events = f"Events, each a #/components/schemas/{chunk} behind `data: `, and `data: [DONE]` at the end."
    plain = {"schema": {"$ref": f"#/components/schemas/{kind}Completion"}}
    streamed = {"schema": {"type": "string", "description": events}}
    return {
        "summary": f"{says}, streamed or whole",
        "requestBody": {
            "required": True,
            **_content("application/json", {"$ref": f"#/components/schemas/{kind}Request"}),
        },
        "responses": {
            "200": {
                "description": "The completion.",
                "content": {"application/json": plain, "text/event-stream": streamed},
            },
            **_refused(tuple(REFUSALS)),
        },
    }


def _shown(
    says: str, schema: Json | None = None, *, media: str = "application/json", refuses: tuple[str, ...] = ()
) -> Json:
    kind = schema or {"type": "object" if media == "application/json" else "string"}
    return {
        "summary": says,
        "responses": {"200": {"description": f"{says}.", **_content(media, kind)}, **_refused(refuses)},
    }


def _told(says: str, members: Json | None = None) -> Json:
    body = {"type": "object", "properties": members, "required": list(members)} if members is not None else None
    asked = {"requestBody": _content("application/json", body)} if body is not None else {}
    refusals = _refused(("400", "401", "413"))
    refusals["403"] = {**refusals["401"], "description": "From elsewhere only with a token."}
    answered = {
        "200": {"description": "What the server is like now.", **_content("application/json", {"type": "object"})}
    }
    return {"summary": says, **asked, "responses": {**answered, **refusals}}


def _journal() -> list[Json]:
    says = {
        "mark": "Only requests whose header x-streamspec-mark has this value.",
        "last": "Only so many, the latest.",
        "writes": "With the time of each write.",
    }
    return [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}} for name, text in says.items()
    ]
