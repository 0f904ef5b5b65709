"""What an engine is doing, in Prometheus' text format, under the names that vLLM gives it."""

from mockserver.engines.decoding.interface import Stats
from mockserver.windows import exposition


def figures(stats: Stats) -> str:
    """The metrics."""
    used = stats.blocks_used / stats.blocks_total if stats.blocks_total else 0.0
    rows = (
        ("vllm:num_requests_running", "gauge", "Choices that are decoded.", stats.running),
        ("vllm:num_requests_waiting", "gauge", "Choices that wait.", stats.waiting),
        ("vllm:kv_cache_usage_perc", "gauge", "Share of the key-value memory that is taken; 1 is all.", used),
        ("vllm:num_preemptions_total", "counter", "Times that a choice gave its memory away.", stats.preempted),
        ("vllm:prompt_tokens_total", "counter", "Tokens of prompts that were computed.", stats.prompt_tokens),
        ("vllm:generation_tokens_total", "counter", "Tokens made.", stats.generated_tokens),
        ("streamspec_engine_steps_total", "counter", "Steps of the engine.", stats.steps),
        ("streamspec_engine_aborted_total", "counter", "Choices that were aborted.", stats.aborted),
        ("streamspec_engine_dead", "gauge", "1 where the engine answers nothing any more.", int(bool(stats.dead))),
    )
    return exposition(rows)
