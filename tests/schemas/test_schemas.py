"""Our JSON Schemas: valid themselves, and judged alike by the fast validator and by the one that explains."""

import copy
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import schemas

DRAFT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = files("schemas")
NAMES = sorted(
    [entry.name.removesuffix(".json") for entry in FOLDER.iterdir() if entry.name.endswith(".json")]
    + [f"chat/{e.name.removesuffix('.json')}" for e in FOLDER.joinpath("chat").iterdir() if e.name.endswith(".json")]
)

TOKEN = {
    "token": " a",
    "logprob": -0.5,
    "bytes": [32, 97],
    "top_logprobs": [{"token": "b", "logprob": -1, "bytes": None}],
}
CHUNK: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1767225600,
    "model": "m",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "a",
                "refusal": None,
                "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}],
            },
            "logprobs": {"content": [TOKEN], "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "total_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
COMPLETION: dict[str, Any] = {
    **{k: v for k, v in CHUNK.items() if k not in ("object", "choices")},
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "a", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
}
ERROR = {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "x"}}
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "n": 1, "temperature": 0.5}
GOOD = {
    "chat/chunk.strict": CHUNK,
    "chat/chunk.lenient": CHUNK,
    "chat/completion.strict": COMPLETION,
    "chat/completion.lenient": COMPLETION,
    "chat/error.strict": ERROR,
    "chat/error.lenient": ERROR,
    "chat/request": REQUEST,
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "stop", "assistant", "chat.completion.chunk", "function", 0, 1, -1, 0.0, 1.0, 1e300, 255, 256]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*CHUNK, "index", "delta"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


@st.composite
def bent(draw: st.DrawFn, good: object) -> object:
    """A good value with up to three members replaced, lost or added."""
    value = copy.deepcopy(good)
    for _ in range(draw(st.integers(0, 3))):
        *path, last = draw(st.sampled_from([p for p in places(value) if p] or [(None,)]))
        if last is None:
            return draw(JSON)
        holder: Any = value
        for key in path:
            holder = holder[key]
        match draw(st.sampled_from(["replace", "replace", "lose", "add"])):
            case "replace":
                holder[last] = draw(JSON)
            case "lose":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["usage", "error", "x", "role", "content"]))] = draw(JSON)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_says_what_it_is(name: str) -> None:
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    assert DRAFT == schema["$schema"]
    assert f"urn:streamspec:{name}" == schema["$id"]
    assert schema["title"]


@pytest.mark.parametrize("name", NAMES)
def test_both_validators_can_be_made(name: str) -> None:
    assert schemas.fast(name).is_valid(0) == schemas.explain(name).is_valid(0)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_value_fits(name: str) -> None:
    assert [] == [error.message for error in schemas.explain(name).iter_errors(GOOD[name])]


@pytest.mark.parametrize("name", GOOD)
def test_the_fast_validator_and_the_one_that_explains_agree(name: str) -> None:
    @given(bent(GOOD[name]))
    @settings(max_examples=150)
    def agree(value: object) -> None:
        errors = list(schemas.explain(name).iter_errors(value))
        assert (not errors) == schemas.fast(name).is_valid(value)
        assert len(errors) == len(list(schemas.fast(name).iter_errors(value)))

    agree()


@pytest.mark.parametrize("kind", ["chunk", "completion", "error"])
def test_what_is_strictly_right_is_right_for_clients_too(kind: str) -> None:
    @given(bent(GOOD[f"chat/{kind}.strict"]))
    @settings(max_examples=150)
    def implies(value: object) -> None:
        if schemas.fast(f"chat/{kind}.strict").is_valid(value):
            assert schemas.fast(f"chat/{kind}.lenient").is_valid(value)

    implies()


@pytest.mark.parametrize(
    "value", [{"\ud800": 1, "choices": []}, {"choices": [], "x": "\ud800"}, {"\ud800": 1}, "\ud800"]
)
def test_half_a_surrogate_pair_is_no_obstacle(value: object) -> None:
    assert schemas.explain("chat/chunk.lenient").is_valid(value) == schemas.fits("chat/chunk.lenient")(value)


def test_an_unknown_name_is_an_error_of_ours() -> None:
    with pytest.raises(FileNotFoundError):
        schemas.load("chat/nothing")
