"""Which parts of a JSON Schema have any finite value. Knows no grammar and no tokens.

A list that must have a next one, which must have a next one, is said without end.
"""

from typing import Any
from urllib.parse import unquote

from .schemas import nodes

BARE = frozenset({"string", "number", "integer", "boolean", "null"})


def endless(schema: dict[str, Any]) -> set[int]:
    """The ids of the schemas in it, itself included, that no finite value fits."""
    left = {id(node): node for node in nodes(schema)}
    targets = {id(node): _target(schema, node["$ref"]) for node in left.values() if isinstance(node.get("$ref"), str)}
    while True:
        ended = [key for key, node in left.items() if _ends(node, left, targets.get(key, True))]
        if not ended:
            return set(left)
        for key in ended:
            del left[key]


def _target(root: dict[str, Any], reference: str) -> Any:
    """What a reference within the schema means; True for any other."""
    found: Any = root
    for part in unquote(reference.removeprefix("#")).split("/")[1:] if reference.startswith(("#/", "#")) else ():
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return True
    return found if reference in ("#", "") or reference.startswith("#/") else True


def _ends(node: dict[str, Any], left: dict[int, Any], target: Any) -> bool:
    """Whether it has a finite value, if those that are left have none."""

    def done(inner: Any) -> bool:
        return id(inner) not in left

    if not done(target) or not all(map(done, _listed(node, "allOf"))):
        return False
    for keyword in ("anyOf", "oneOf"):
        options = _listed(node, keyword)
        if options and not any(map(done, options)):
            return False
    if "enum" in node or "const" in node:
        return True
    kinds = node.get("type")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds) if isinstance(kinds, list) else BARE
    return (
        bool(kinds & BARE)
        or ("object" in kinds and all(done(inner) for inner in _required(node)))
        or ("array" in kinds and all(done(inner) for inner in _items(node)))
        or not kinds & {"object", "array"}
    )


def _listed(node: dict[str, Any], keyword: str) -> list[Any]:
    found = node.get(keyword)
    return found if isinstance(found, list) else []


def _required(node: dict[str, Any]) -> list[Any]:
    """The schemas of the members that there must be."""
    known, names = node.get("properties"), _listed(node, "required")
    known = known if isinstance(known, dict) else {}
    rest = node.get("additionalProperties", True)
    return [known.get(name, rest) for name in names if isinstance(name, str)]


def _items(node: dict[str, Any]) -> list[Any]:
    """The schemas of the items that there must be."""
    fewest = node.get("minItems", 0)
    first = _listed(node, "prefixItems") or _listed(node, "items")
    rest = node.get("items", True)
    many = int(fewest) if isinstance(fewest, int | float) else 0
    return [*first[:many], *([rest] if many > len(first) else ())]
