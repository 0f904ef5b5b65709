"""JSON Schemas (draft 2020-12) of the protocol objects and of our own formats, and how to load them."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


@cache
def load(name: str) -> dict[str, Any]:
    """The schema `name`, for instance "chat/chunk.strict". Raises FileNotFoundError for an unknown name."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text("utf-8"))
    return schema


@cache
def fast(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator that says yes or no in under a microsecond; `explain` says why not."""
    return jsonschema_rs.Draft202012Validator(load(name))


@cache
def fits(name: str) -> Callable[[object], bool]:
    """Whether a value fits the schema: `fast` where it can read the value, which needs text that is Unicode."""
    quick, thorough = fast(name).is_valid, explain(name).is_valid

    def check(value: object) -> bool:
        try:
            return quick(value)
        except UnicodeEncodeError:  # half a surrogate pair in a key
            return bool(thorough(value))

    return check


@cache
def explain(name: str) -> "Draft202012Validator":
    """The validator whose errors name the keyword, the place and the value. A hundred times slower than `fast`."""
    from jsonschema import Draft202012Validator  # most processes have nothing to explain

    return Draft202012Validator(load(name))


@cache
def exact(name: str) -> "Draft202012Validator":
    """As `explain`, but 3.0 is no integer: JSON Schema takes it for one, clients in Go and Rust do not."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    validator: Draft202012Validator = extend(Draft202012Validator, type_checker=types)(load(name))  # type: ignore[no-untyped-call]
    return validator
