"""Which keyword of a schema is to blame where no reply can be held to it.

Knows no tokenizer: what is possible is asked of the grammar.
"""

import re
from typing import Any

import jsonschema_rs

from .narrowing import Accepts
from .schemas import nodes

TRIED = 64
"""Keywords that are left out in turn, to see whether it is possible without."""


def flaw_of(schema: Any) -> str:
    """What makes it no JSON Schema, by its keyword; "" where it is one."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, dict):
        return "it is no JSON Schema"
    try:
        return _flaw(schema)
    except jsonschema_rs.ReferencingError:  # of an unknown dialect: it is taken for the newest
        return _flaw({key: value for key, value in schema.items() if key != "$schema"})
    except (ValueError, RecursionError) as error:
        return f"it is no JSON Schema: {error}"


def _flaw(schema: dict[str, Any]) -> str:
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        where = "/".join(map(str, error.instance_path))
        return f"it is no JSON Schema: {where}: {error.message}" if where else f"it is no JSON Schema: {error.message}"
    return ""


def blamed(problem: str, schema: object, possible: Accepts) -> str:
    """The problem with the keyword's name, if one can be found."""
    if not isinstance(schema, dict):
        return problem
    inner = list(nodes(schema))
    keywords = {keyword for node in inner for keyword in node}
    if any(re.search(rf"(?<![\w$]){re.escape(keyword)}(?!\w)", problem) for keyword in keywords):
        return problem
    tried = 0
    for node in reversed(inner):
        for keyword in list(node):
            if keyword in ("type", "properties", "$defs", "definitions") and len(node) > 1:
                continue
            tried += 1
            if tried > TRIED:
                return problem
            kept = dict(node)
            del node[keyword]  # of this copy: the schema is the caller's
            freed = possible(schema)
            node.clear()
            node.update(kept)
            if freed:
                return f"{keyword}: {problem}"
    return problem
