"""The tiny model knows the probes: what it is trained on, told without training it."""

import runpy
from pathlib import Path

import pytest

from conformance.probes.catalogue import PROBES

TINY = runpy.run_path(str(Path(__file__).with_name("make_tiny.py")))
KNOWN = {(messages[-1]["content"], tools) for messages, tools, _ in TINY["dialogues"]()}
PROMPTS = {prompt for prompt, _ in KNOWN} | set(TINY["RAW"])


def asked(body: object) -> list[tuple[str, bool]]:
    """What a request that may be answered asks: prompts, and whether tools are offered."""
    if not isinstance(body, dict):
        return []
    if "prompt" in body:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        return [(prompt, False) for prompt in prompts if prompt not in TINY["RAW"]]
    messages = body.get("messages")
    if not isinstance(messages, list):
        return []
    return [(message["content"], bool(body.get("tools"))) for message in messages[-1:]]


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_prompt_has_a_known_reply(probe):
    bodies = [probe.body, probe.companion_body]
    unknown = [ask for body in bodies for ask in asked(body) if ask not in KNOWN and len(str(ask[0])) < 1000]
    assert [] == unknown, "add a reply to tests/models/make_tiny.py, and note the recordings anew"


def test_names_of_tensors_are_llama_cpp_s():
    name = TINY["_name_in_gguf"]
    assert "token_embd.weight" == name("model.embed_tokens.weight")
    assert "blk.1.attn_q.bias" == name("model.layers.1.self_attn.q_proj.bias")
    assert "blk.0.ffn_down.weight" == name("model.layers.0.mlp.down_proj.weight")


def test_a_call_is_written_as_the_parsers_of_servers_read_it():
    written = '<tool_call>\n{"name": "get_time", "arguments": {"zone": "UTC"}}\n</tool_call>'
    assert written == TINY["call"]("get_time", zone="UTC")
