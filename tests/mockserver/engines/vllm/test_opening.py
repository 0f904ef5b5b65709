"""vLLM opened: what is said where it cannot be, and what its metrics are read as."""

import sys
from types import SimpleNamespace

import pytest

from mockserver.engines.decoding.interface import Stats
from mockserver.engines.vllm.opening import VllmMissing, open_vllm, stats_of


def test_without_vllm_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(VllmMissing, match=r"pip install 'streamspec\[vllm\]'"):
        open_vllm("model")


def test_the_metrics_of_all_engines_are_added_up() -> None:
    metrics = [
        SimpleNamespace(name=f"vllm:{name}", value=value)
        for name, value in [
            ("num_requests_running", 3.0),
            ("num_requests_running", 1.0),
            ("num_requests_waiting", 2.0),
            ("kv_cache_usage_perc", 0.25),
            ("kv_cache_usage_perc", 0.5),
            ("num_preemptions", 5),
            ("prompt_tokens", 70),
            ("generation_tokens", 40),
        ]
    ]
    metrics.append(SimpleNamespace(name="vllm:iteration_tokens_total", count=11, sum=9.0, buckets={}))
    metrics.append(SimpleNamespace(name="vllm:spec_decode_num_accepted_tokens_per_pos", values=[1, 2]))
    assert Stats(
        steps=11,
        running=4,
        waiting=2,
        blocks_used=75,
        blocks_total=200,
        preempted=5,
        prompt_tokens=70,
        generated_tokens=40,
    ) == stats_of(metrics, 100)


def test_without_metrics_nothing_is_known() -> None:
    assert Stats() == stats_of([], 100)
