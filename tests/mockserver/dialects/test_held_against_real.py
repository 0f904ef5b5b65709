"""Chunks of the mock held against recordings of the real vendor: the same members, in the same order.

Values differ, and so does what a real server leaves out though it must be there: `added` names that.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance import proof
from conformance.loading import load
from conformance.probes.catalogue import PROBES
from conformance.protocols.exchange import Exchange
from mockserver.dialects.speaking import tags_of
from mockserver.routes import respond

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
OURS = ROOT / "tests" / "recordings"
CHAT = SHARED / "corpus" / "chat"


@dataclass(frozen=True)
class Real:
    """Recordings of one vendor."""

    name: str
    folder: Path
    added: frozenset[str] = frozenset()
    """Members in which the mock, or a recording, differs, and why it may."""
    kinds: tuple[str, ...] = ("role", "text", "finish")
    """What has to be found in both."""
    probes: tuple[str, ...] = ("stream", "usage-asked", "tools-parallel")


CALLS = ("call first", "call")
LOCAL = ("stream", "usage-asked", "tools-parallel", "document", "logprobs", "completions-stream", "completions-usage")
VENDORS = (
    Real(
        "vllm",
        OURS / "vllm",
        kinds=("role", "text", "finish", "usage", "document", "logprobs text", *CALLS),
        probes=LOCAL,
    ),
    Real(
        "llamacpp",
        OURS / "llamacpp",
        kinds=("role", "text", "finish", "usage", "document", "logprobs text", *CALLS),
        probes=LOCAL,
    ),
    # it leaves finish_reason and logprobs out of every chunk but the last
    Real(
        "transformers", OURS / "transformers", frozenset({"finish_reason", "logprobs"}), ("role", "text", "call first")
    ),
    Real(
        "sglang",
        SHARED / "captures" / "sglang",
        kinds=("role", "text", "finish", "usage", "document", "logprobs text", *CALLS),
        probes=LOCAL,
    ),
    # it leaves finish_reason out of every chunk but the last
    Real("litellm", SHARED / "captures" / "litellm", frozenset({"finish_reason"}), ("role", "text", "finish", *CALLS)),
    Real(
        "azure", CHAT / "traceloop-stg.openai.azure.com", kinds=("alone", "role", "text", "finish"), probes=("stream",)
    ),
    # audio and images are counted by some of its providers, and a fingerprint is sent by some
    Real(
        "openrouter",
        CHAT / "openrouter.ai",
        frozenset({"audio_tokens", "image_tokens", "system_fingerprint"}),
        ("role", "role text", "finish role", "call first role"),
        ("stream", "tools-parallel"),
    ),
    # reasoning is counted by some of its models
    Real(
        "groq", CHAT / "api.groq.com", frozenset({"completion_tokens_details", "reasoning_tokens"}), probes=("stream",)
    ),
    # a call without its type and index is red
    Real(
        "mistral",
        CHAT / "api.mistral.ai",
        frozenset({"type", "index", "logprobs", "p"}),
        ("role", "text", "finish", "call finish first"),
        ("stream", "tools-parallel"),
    ),
    Real("deepseek", CHAT / "api.deepseek.com", probes=("stream",)),
)


def shape(value: Any, left_out: frozenset[str]) -> str:
    """The members of a value, in order, values left out."""
    match value:
        case dict():
            members = ((name, child) for name, child in value.items() if name not in left_out)
            return "{" + ",".join(f"{name}{shape(child, left_out)}" for name, child in members) + "}"
        case [dict() as first, *_]:
            return f"[{shape(first, left_out)}]"
        case _:
            return ""


def kind(chunk: dict[str, Any]) -> str:
    """What a chunk or document is, by what it says."""
    if not chunk.get("choices"):
        return " ".join(tags_of(chunk)) if "choices" in chunk else "error"
    choice = chunk["choices"][0]
    tags = {"document"} if "message" in choice else set(tags_of(chunk))
    if choice.get("message", {}).get("tool_calls"):
        tags.add("calls")
    if (choice.get("delta") or {}).get("tool_calls") and choice["delta"]["tool_calls"][0].get("id"):
        tags.add("first")
    if choice.get("logprobs"):
        tags.add("logprobs")
    if chunk.get("object") == "text_completion":
        tags.add("completion")
    return " ".join(sorted(tags))


def shapes(exchanges: list[Exchange], left_out: frozenset[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for exchange in exchanges:
        documents = [exchange.document] if isinstance(exchange.document, dict) else []
        for chunk in [*(step.chunk for step in exchange.steps if step.chunk is not None), *documents]:
            found.setdefault(kind(chunk), set()).add(shape(chunk, left_out))
    return found


@cache
def recorded(folder: Path) -> list[Exchange]:
    return [loaded.exchange for loaded in load(folder) if loaded.exchange is not None]


@pytest.mark.parametrize("real", VENDORS, ids=lambda real: real.name)
def test_a_chunk_has_the_members_of_a_real_one(real: Real) -> None:
    if not real.folder.is_dir():
        pytest.skip("the recordings of this vendor are not beside this checkout")
    settings = replace(proof.SETTINGS, dialect=real.name)
    probes = [probe for probe in PROBES if probe.name in real.probes]
    assert sorted(real.probes) == sorted(probe.name for probe in probes)
    mock = shapes(
        [proof.exchanges_of(probe, answer=lambda request: respond(request, settings)) for probe in probes], real.added
    )
    theirs = shapes(recorded(real.folder), real.added)
    assert set() == set(real.kinds) - set(mock), "the mock sends no such chunk"
    assert set() == set(real.kinds) - set(theirs), "the vendor sends no such chunk"
    strange = {name: found - theirs[name] for name, found in mock.items() if name in theirs and found - theirs[name]}
    assert {} == strange
