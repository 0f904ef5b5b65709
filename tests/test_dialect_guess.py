"""The guessed dialect against recordings of real servers, whose folders say who was spoken to."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from conformance.loading import load
from conformance.protocols.chat.dialects import guess
from conformance.protocols.exchange import Exchange

SHARED = Path(__file__).parents[2] / "shared"
FOLDERS = {
    "corpus/chat/api.openai.com": "openai",
    "corpus/chat/traceloop-stg.openai.azure.com": "azure",
    "corpus/chat/api.inference.crusoecloud.com": "vllm",  # as its fingerprint says
    "corpus/chat/openrouter.ai": "openrouter",
    "corpus/chat/api.groq.com": "groq",
    "corpus/chat/api.mistral.ai": "mistral",
    "corpus/chat/api.deepseek.com": "deepseek",
    "corpus/chat/api.z.ai": "openai",  # these three have no dialect of their own
    "corpus/chat/myorg-myaccount.snowflakecomputing.com": "openai",
    "corpus/chat/router.huggingface.co": "openai",
    "corpus/completions/api.openai.com": "openai",
    "corpus/completions/api.writer.com": "openai",
    "corpus/responses/api.openai.com": "openai",
    "corpus/responses/api.deepseek.com": "deepseek",
    "corpus/responses/openrouter.ai": "openrouter",
    "captures/vllm": "vllm",
    "captures/sglang": "sglang",
    "captures/llamacpp": "llamacpp",
    "captures/litellm": "litellm",
    "captures/direct_upstream": "openai",  # a server that imitates OpenAI, bare and behind nginx
    "captures/nginx_default": "openai",
    "captures/nginx_gzip": "openai",
    "captures/guidellm": "openai",  # a mock server that imitates nobody's marks
}
"""Left out are corpus/*/local (nobody knows who was there) and the Messages API, which is Anthropic's own."""
WANTED = 0.95

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the recordings of real servers are not beside this checkout"
)


@cache
def recordings(folder: str) -> tuple[Exchange, ...]:
    return tuple(loaded.exchange for loaded in load(SHARED / folder) if loaded.exchange is not None)


def guessed(folders: dict[str, str], **changes) -> Counter[tuple[str, str, str]]:
    """How often which folder was taken for which dialect, with what was expected."""
    return Counter(
        (folder, expected, guess([replace(exchange, **changes)]).dialect.name)
        for folder, expected in folders.items()
        for exchange in recordings(folder)
    )


def share(counted: Counter[tuple[str, str, str]]) -> float:
    return sum(times for (_, expected, told), times in counted.items() if expected == told) / counted.total()


def missed(counted: Counter[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    return {key: times for key, times in counted.items() if key[1] != key[2]}


@pytest.mark.parametrize("part", ["corpus/chat", "corpus", "captures", ""])
def test_the_dialect_of_nearly_every_recording_is_guessed(part):
    counted = guessed({folder: dialect for folder, dialect in FOLDERS.items() if folder.startswith(part)})
    assert share(counted) >= WANTED, missed(counted)


def test_and_without_a_single_header():
    counted = guessed(FOLDERS, head=None)
    assert share(counted) >= WANTED, missed(counted)


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if "responses" not in folder])
def test_the_dialect_of_a_whole_run_is_guessed(folder):
    assert FOLDERS[folder] == guess([e for e in recordings(folder) if not is_imitation_of_azure(e)]).dialect.name


def is_imitation_of_azure(exchange: Exchange) -> bool:
    """Two recordings of a server that imitates OpenAI imitate Azure's first message."""
    return "emptychoice" in exchange.source
