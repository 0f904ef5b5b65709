"""Probes that ask for JSON in the reply: any object, or one that fits a schema. Knows no socket and no rule."""

from .probe import FIXED, Body, Companion, Probe, ask

TEXT = "Give JSON"
ROOM: Body = {"max_tokens": 400, **FIXED}
PERSON: Body = {
    "type": "object",
    "properties": {
        "person": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "enum": ["Ada", "Grace"]},
                "age": {"type": "integer", "minimum": 0, "maximum": 99},
            },
            "required": ["name", "age"],
            "additionalProperties": False,
        },
        "mood": {"type": "string", "enum": ["calm", "merry", "tired"]},
        "dice": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 6},
            "minItems": 2,
            "maxItems": 4,
        },
    },
    "required": ["person", "mood", "dice"],
    "additionalProperties": False,
}
"""No free text, so that a grammar made of it comes to an end with a model that does not know when to stop."""


def _format(schema: Body) -> Body:
    return {"type": "json_schema", "json_schema": {"name": "reading", "strict": True, "schema": schema}}


STRUCTURED: tuple[Probe, ...] = (
    Probe(
        name="json-object",
        says="a stream with response_format json_object",
        body=ask(TEXT, response_format={"type": "json_object"}, **ROOM),
        feature="json",
    ),
    Probe(
        name="json-schema",
        says="a stream with a strict json_schema",
        body=ask(TEXT, response_format=_format(PERSON), **ROOM),
        feature="json",
    ),
    Probe(
        name="json-schema-cut",
        says="the same with max_tokens 4, which ends amid the JSON",
        body=ask(TEXT, response_format=_format(PERSON), **{**ROOM, "max_tokens": 4}),
        feature="json",
    ),
    Probe(
        name="json-schema-impossible",
        says="a json_schema of a type that does not exist",
        body=ask(TEXT, response_format=_format({"type": "nonsense"}), **ROOM),
        feature="json",
    ),
    Probe(
        name="json-twin",
        says="the same request with a strict json_schema streamed and not streamed",
        body=ask(TEXT, response_format=_format(PERSON), **ROOM),
        feature="json",
        companion=Companion.TWIN,
        companion_body={**ask(TEXT, response_format=_format(PERSON), **ROOM), "stream": False},
    ),
)
