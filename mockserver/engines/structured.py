"""What a reply says when the request asks for JSON: the same format gives the same text. Knows no HTTP."""

import json
from typing import Any

from conformance.protocols.fitting import is_schema

from .instances import UnfitError, instance

WORD = "Ada"
"""What free text says in values that are made up."""


class FormatError(Exception):
    """The response_format of a request cannot be kept; the text says why."""


def json_of(body: dict[str, Any], choice: int = 0) -> str | None:
    """The JSON text that a choice says; None where no JSON is asked for. Raises FormatError."""
    wanted = body.get("response_format") or {}
    match wanted.get("type"):
        case "json_object":
            return json.dumps({"name": WORD, "age": 36 + choice})
        case "json_schema":
            schema = wanted["json_schema"].get("schema", {"type": "object"})
            name = wanted["json_schema"]["name"]
            if not is_schema(schema):
                raise FormatError(f"Invalid schema for response_format '{name}': it is no JSON Schema.")
            try:
                made = instance(schema, word=f"{WORD} {choice + 1}" if choice else WORD)
            except UnfitError as error:
                raise FormatError(f"Invalid schema for response_format '{name}': {error}.") from error
            return json.dumps(made, ensure_ascii=False)
        case _:
            return None
