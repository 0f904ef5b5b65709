"""Files in YAML that people write, and what to write instead where they are wrong. Knows no file in particular.

Mistakes are told at once, each with its line: keys that nobody knows or that are written twice, values that do not
fit the file's schema, and what only the reader of that file can know to be wrong.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

import schemas

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MAX_FILE = 1024 * 1024
MAX_DEPTH = 64
"""Levels: the reader of YAML takes the square of their number."""
MOST = 50
"""Mistakes that are told at once."""
SHOWN = 20
"""Of so many names or fewer all are shown."""

Mistake = tuple[int, str]
"""A line, counted from 1, and what is wrong with it."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file."""

    schema: str
    """Name of its schema."""
    says: str
    """What such a file is, "list of targets"."""
    example: str
    """The least that may stand in it."""
    hints: Mapping[str, str]
    """What could stand behind a key, by the key or by "parent.key"."""
    patterns: Mapping[str, str]
    """The patterns of its schema in words."""
    dates: frozenset[str] = frozenset()
    """Keys behind which a day stands, which YAML would make a date of: it is read as text."""


Check = Callable[[yaml.Node, Any], Iterator[Mistake]]


def read(path: Path, kind: Kind) -> str:
    """The text of a file. Raises ConfigurationError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigurationError(f"{path} is larger than {MAX_FILE} bytes: that is no {kind.says}")
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        says = f"cannot read {path}: there is no such file; write there at least\n{kind.example}"
        raise ConfigurationError(says) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"cannot read {path}: it is not UTF-8") from error


def parse(text: str, name: str, kind: Kind, check: Check) -> tuple[yaml.Node, Any]:
    """What a text says, its nodes and its value. `check` looks at values that fit the schema.

    Raises ConfigurationError, which lists every mistake with its line.
    """
    try:
        _look_through(yaml.parse(text, yaml.SafeLoader), name)
        root = yaml.compose(text, yaml.SafeLoader)
        value = _days_as_text(yaml.safe_load(text), kind.dates)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place else ""
        raise ConfigurationError(f"{name}{line}: this is not YAML: {getattr(error, 'problem', error)}") from error
    if root is None:
        raise ConfigurationError(f"{name} is empty; write at least\n{kind.example}")
    mistakes = _first(_key_mistakes(root)) or _first(_schema_mistakes(root, value, kind)) or _first(check(root, value))
    if mistakes:
        lines = [f"{name}:{line}: {says}" for line, says in sorted(set(mistakes[:MOST]))]
        if len(mistakes) > MOST:
            lines.append(f"{name}: and more; mend these first")
        raise ConfigurationError("\n".join(lines))
    return root, value


def _first(mistakes: Iterator[Mistake]) -> list[Mistake]:
    return list(islice(mistakes, MOST + 1))


def _look_through(events: Iterator[yaml.Event], name: str) -> None:
    """Raises ConfigurationError for what is no trouble to write and much to read."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(f"{name}: aliases (*name) are not read here; write the values out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            line = f":{event.start_mark.line + 1}" if event.start_mark else ""
            raise ConfigurationError(f"{name}{line}: more than {MAX_DEPTH} levels, one in another, are not read here")


def _days_as_text(value: Any, keys: frozenset[str]) -> Any:
    """The same value, with days behind these keys as they were written."""
    if isinstance(value, list):
        return [_days_as_text(each, keys) for each in value]
    if isinstance(value, dict):
        return {
            key: each.isoformat() if key in keys and type(each) is date else _days_as_text(each, keys)
            for key, each in value.items()
        }
    return value


def line_of(node: yaml.Node, path: Sequence[Any]) -> int:
    """The line of the deepest node on a path that there is."""
    return _found(node, path)[0]


def _found(node: yaml.Node, path: Sequence[Any]) -> tuple[int, yaml.Node]:
    """The deepest node on a path that there is, and the line where it, or its key, stands."""
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, child) for key, child in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line, node


def _quoted(root: yaml.Node, path: Sequence[Any]) -> str:
    """How to write as text what is none to YAML: yes, 3, 2026-01-01."""
    _, node = _found(root, path)
    if not isinstance(node, yaml.ScalarNode) or not node.value or not path:
        return ""
    key = f"{path[-1]}: " if isinstance(path[-1], str) else "- "
    return f"; as text:  {key}'{node.value}'"


def instead(written: str, known: Sequence[str], before: str = "") -> str:
    """What to write for a name that is none, or all that there are."""
    near = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    if near:
        return f"write:  {before}{near[0]}"
    shown = ", ".join(known) if len(known) <= SHOWN else f"one of the {len(known)} that `streamspec rules` lists"
    return f"there are: {shown}"


def _schema_mistakes(root: yaml.Node, value: object, kind: Kind) -> Iterator[Mistake]:
    for error in schemas.explain(kind.schema).iter_errors(value):
        yield from _in_words(root, error, kind)


def _in_words(root: yaml.Node, error: "ValidationError", kind: Kind) -> Iterator[Mistake]:
    path = list(error.absolute_path)
    where = ".".join(str(part) for part in path) or "the file"
    line = line_of(root, path)
    match error.validator:
        case "additionalProperties":
            known = list(cast("dict[str, Any]", error.schema)["properties"])
            for key in sorted(set(cast("dict[str, Any]", error.instance)) - set(known)):
                instead_of_it = _instead_of_key(key, known, kind)
                yield line_of(root, [*path, key]), f"unknown key {key!r} in {where}; {instead_of_it}"
        case "required":
            key = error.message.split("'")[1]
            yield line, f"{where} has no {key!r}; write, below it:  {key}: {kind.hints.get(key, '...')}"
        case "type":
            types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            wanted = " or ".join(TYPES.get(str(name), str(name)) for name in types)
            hint = _hint(path, kind, "write") + (_quoted(root, path) if "string" in types else "")
            yield line, f"{where} is {_yaml_type(error.instance)}, wanted {wanted}{hint}"
        case "pattern":
            pattern = str(error.validator_value)
            is_name = "propertyNames" in error.absolute_schema_path
            hint, subject = ("", "the name ") if is_name else (_hint(path, kind), "")
            yield line, f"{where}: {subject}{error.instance!r} is not {kind.patterns.get(pattern, pattern)}{hint}"
        case _:
            yield line, f"{where}: {error.message[:200]}{_hint(path, kind)}"


def _hint(path: list[Any], kind: Kind, write: str = "write for instance") -> str:
    """What could stand at this place instead, "" where nothing is known of it."""
    key = str(path[-1]) if path else ""
    value = kind.hints.get(".".join(map(str, path[-2:])), kind.hints.get(key))
    return f"; {write}:  {key}: {value}" if value else ""


TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _instead_of_key(written: str, known: list[str], kind: Kind) -> str:
    near = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    return f"write:  {near[0]}: {kind.hints.get(near[0], '...')}" if near else f"there are: {', '.join(known)}"


def _yaml_type(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "empty"}
    return names.get(type(value), "a number")


def _key_mistakes(node: yaml.Node) -> Iterator[Mistake]:
    """Keys that YAML lets through and nobody means: the same one twice, and numbers or truth values as keys."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                yield line, f"the key {key.value!r} is not text; write:  '{key.value}':"
            elif key.value in seen:
                yield line, f"the key {key.value!r} is written twice; delete one"
            seen.add(str(key.value))
            yield from _key_mistakes(child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _key_mistakes(child)
