"""The JSON in a message, and exactly what is wrong with it when it is not JSON. Never raises.

`msgspec` reads what is right; only what it refuses is read again, slowly and leniently, to name the flaw.
"""

import json
import re
from enum import Enum
from typing import NoReturn

import msgspec

MAX_DEPTH = 128
"""Levels of nesting that are read: beyond some hundred, writing a value down again overflows Python's stack."""


class Flaw(Enum):
    """What is wrong with the text of a message."""

    EMPTY = "an empty data field"
    HEARTBEAT = "a heart-beat comment written as data"
    NOT_JSON = "text that is not JSON"
    SEVERAL_DOCUMENTS = "several JSON documents in one message"
    CONTROL_CHARACTER = "a raw control character inside a JSON string"
    NOT_A_NUMBER = "NaN or an infinite number"
    LONE_SURROGATE = "half a surrogate pair"
    TOO_DEEP = "JSON nested deeper than 128 levels"
    NOT_AN_OBJECT = "JSON that is not an object"
    UNUSABLE = "a chunk that no client can use"
    BARE_ERROR = "an error outside an `error` object"
    INEXACT_DONE = "a terminator that is not exactly [DONE]"


BRACKETS = re.compile(r'[][{}]|"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""Brackets, and the strings in which they do not count; one without an end reaches to the end of the text."""


def parse(text: str | bytes) -> tuple[object, Flaw | None]:
    """The value of a JSON text and its flaw. With NOT_JSON, EMPTY, HEARTBEAT and TOO_DEEP there is no value (None)."""
    if _is_deep(text):
        return None, Flaw.TOO_DEEP
    try:
        return msgspec.json.decode(text), None
    except (msgspec.DecodeError, UnicodeError):
        return _read_leniently(text) if isinstance(text, str) else (None, Flaw.NOT_JSON)


def _is_deep(text: str | bytes) -> bool:
    """Whether brackets, those within strings left out, nest deeper than we read."""
    opening = text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    if opening <= MAX_DEPTH:
        return False
    depth = 0
    for found in BRACKETS.finditer(text if isinstance(text, str) else text.decode("utf-8", "replace")):
        match found.group()[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            case "]" | "}":
                depth -= 1
    return False


def _read_leniently(text: str) -> tuple[object, Flaw | None]:
    bare = text.strip()
    if not bare:
        return None, Flaw.EMPTY
    if bare.startswith(":"):
        return None, Flaw.HEARTBEAT
    constants: list[str] = []
    try:
        value = json.loads(text, parse_constant=constants.append)
    except json.JSONDecodeError as error:
        return _name_error(text, error)
    except ValueError:  # a number of 5,000 digits
        return None, Flaw.NOT_JSON
    return value, Flaw.LONE_SURROGATE if not constants and _has_lone_surrogate(text) else Flaw.NOT_A_NUMBER


def _name_error(text: str, error: json.JSONDecodeError) -> tuple[object, Flaw]:
    if error.msg.startswith("Invalid control character"):
        try:
            return json.loads(text, strict=False), Flaw.CONTROL_CHARACTER
        except ValueError:
            return None, Flaw.NOT_JSON
    if error.msg == "Extra data":
        rest = text[error.pos :].strip()
        if rest[:1] in "{[" or rest == "[DONE]":
            return None, Flaw.SEVERAL_DOCUMENTS
    return None, Flaw.NOT_JSON


def _has_lone_surrogate(text: str) -> bool:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


class _DuplicateKeyError(Exception):
    """Carries the key out of the JSON parser."""


def duplicate_key(text: str) -> str:
    """The first key that an object of this JSON text has twice, or ""."""

    def check(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        json.loads(text, object_pairs_hook=check, parse_constant=refuse)
    except _DuplicateKeyError as duplicate:
        return str(duplicate)
    except (ValueError, RecursionError):
        pass
    return ""
