"""Cassettes of vcrpy and of Ruby's VCR, YAML or JSON, as exchanges. Knows no test framework.

Both keep the body in one piece, so an exchange has layer "body" and no times. YAML is read with the safe loader only,
and first looked through as flat events: libyaml's composer recurses in C and would crash on deep nesting.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.payload import Flaw, parse

from .foreign import (
    ForeignFormatError,
    Imported,
    OtherFormatError,
    body_of,
    collect,
    encoded,
    exchange_of,
    head_of,
    is_for_us,
    request_of,
)

MAX_DEPTH = 100
MAX_ALIASES = 100
"""An alias costs a few bytes and stands for as much as one likes."""
MAX_VALUES = 100_000
"""Of a request body that was kept as YAML instead of text."""
LISTS = ("interactions", "http_interactions")
"""Where vcrpy and where Ruby's VCR keep them."""

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc] # one of two classes
    """The safe loader without merge keys, which grow exponentially."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave `<<` where it is; it is then an unknown tag."""


def _text(loader: Any, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:python/unicode", "tag:yaml.org,2002:python/str"):
    _Loader.add_constructor(_tag, _text)
_Loader.add_constructor("!binary", _SafeLoader.construct_yaml_binary)  # as Ruby writes it


class _Asked(msgspec.Struct):
    method: str
    uri: str
    headers: dict[str, Any] | None = None
    body: Any = None
    parsed_body: Any = None


class _Came(msgspec.Struct):
    status: Any = None
    headers: dict[str, Any] | None = None
    body: Any = None
    status_code: int = 0
    content: Any = None
    parsed_body: Any = None


class _Interaction(msgspec.Struct):
    request: _Asked
    response: _Came


class _Status(msgspec.Struct):
    code: int
    message: str | None = None


def read(data: bytes, *, source: str = "", request: Request | None = None) -> Imported:
    """Every completion and event stream in it. `request` stands in where a request's body was not kept."""
    cassette = _json(data) if data.lstrip()[:1] == b"{" else None
    if cassette is None:
        cassette = _yaml(data)
    lists = [cassette[name] for name in LISTS if name in cassette] if isinstance(cassette, dict) else []
    if not lists or not isinstance(lists[0], list):
        raise OtherFormatError(f"no cassette: wanted a list under {' or '.join(LISTS)}")
    return collect(lists[0], lambda entry, name: _exchange(entry, name, request), source)


def _json(data: bytes) -> object | None:
    value, flaw = parse(data.decode("utf-8", "replace"))
    return value if flaw in (None, Flaw.LONE_SURROGATE) else None


def _yaml(data: bytes) -> object:
    try:
        _look_through(yaml.parse(data, Loader=_Loader))
        return yaml.load(data, Loader=_Loader)  # noqa: S506 - a safe loader
    except ForeignFormatError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ForeignFormatError(f"no YAML: {error.problem}{mark}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, KeyError) as error:
        raise ForeignFormatError(f"no YAML: {type(error).__name__}") from None


def _look_through(events: Iterator[yaml.Event]) -> None:
    depth = aliases = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            raise ForeignFormatError(f"YAML with more than {MAX_DEPTH} levels or {MAX_ALIASES} aliases is not read")


def _exchange(value: object, source: str, given: Request | None) -> Exchange | None:
    if isinstance(value, dict) and not {"request", "response"} & value.keys():
        return None  # cassettes of gRPC and of websockets have other members
    try:
        interaction = msgspec.convert(value, type=_Interaction)
        asked, came = interaction.request, interaction.response
        status = msgspec.convert(came.status, type=_Status) if came.status else _Status(came.status_code)
    except msgspec.ValidationError as error:
        raise ForeignFormatError(f"no interaction: {error}") from error
    request = request_of(asked.method, asked.uri, _pairs(asked.headers), _asked_body(asked))
    head = head_of(status.code, _pairs(came.headers), status.message or "")
    if not is_for_us(request, head):
        return None
    if not 100 <= status.code <= 999:
        raise ForeignFormatError("no response status")
    return exchange_of(request, head, _came_body(came), source=source, given=given)


def _pairs(headers: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    for name, values in (headers or {}).items():
        for value in values if isinstance(values, list) else [values]:
            yield name, value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _asked_body(asked: _Asked) -> object:
    if asked.parsed_body is not None:
        return _plain(asked.parsed_body)
    body = asked.body
    if isinstance(body, dict) and ("string" in body or "base64_string" in body):
        body = _bytes(body)
    if isinstance(body, str | bytes) or body is None:
        return body_of(body)
    return _plain(body)


def _came_body(came: _Came) -> bytes:
    if came.body is None and came.parsed_body is not None:
        return json.dumps(_plain(came.parsed_body)).encode()
    return _bytes(came.content if came.body is None else came.body)


def _bytes(body: object) -> bytes:
    if isinstance(body, dict):
        if isinstance(packed := body.get("base64_string"), str | bytes):
            try:
                lines = packed.encode() if isinstance(packed, str) else packed
                return base64.b64decode(b"".join(lines.split()), validate=True)
            except (binascii.Error, ValueError):
                raise ForeignFormatError("the body is not the base64 that it says it is") from None
        body = body.get("string")
    if body is None or isinstance(body, bytes):
        return body or b""
    if isinstance(body, str):
        return encoded(body)
    raise ForeignFormatError(f"a body that is neither text nor bytes, but {type(body).__name__}")


def _plain(value: object) -> object:
    """A value of YAML as JSON has it; no larger than a request may be."""
    left = [MAX_VALUES]
    try:
        return _copied(value, left)
    except RecursionError:
        raise ForeignFormatError("a request body that contains itself") from None


def _copied(value: object, left: list[int]) -> object:
    left[0] -= 1
    if left[0] < 0:
        raise ForeignFormatError(f"a request body of more than {MAX_VALUES} values")
    if isinstance(value, dict):
        return {str(name): _copied(member, left) for name, member in value.items()}
    if isinstance(value, list):
        return [_copied(item, left) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
