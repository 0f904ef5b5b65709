"""vLLM with a model, opened as an engine: the only file here that imports it. Knows no request.

vLLM is no dependency: it is imported when it is asked for, and whatever it has against a model is said in its words.
"""

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from mockserver.engines.decoding.interface import EngineInfo, Stats

from .engine import Vllm, VllmEngine

INSTALL = "pip install 'streamspec[vllm]'"
QUIET = {"VLLM_LOGGING_LEVEL": "WARNING", "VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_NO_USAGE_STATS": "1"}
"""Environment variables that are set where they are not: vLLM says what is wrong, on stderr, and tells nobody of it."""
GUIDED = {"structured_outputs_config": {"backend": "guidance"}}
"""By which grammars of llguidance are held to."""
PREFIX = "vllm:"


class VllmMissing(Exception):  # noqa: N818 - it is missing
    """vLLM is not installed; the text says how to install it."""


class VllmUnfit(Exception):  # noqa: N818 - a model is unfit; nothing is in error
    """vLLM does not run this model, or not so; the text is what it says."""


def open_vllm(
    path: str, *, name: str = "", vocabulary: int | None = None, arguments: Mapping[str, Any] | None = None
) -> VllmEngine:
    """An engine with the model of a folder or a hub; `arguments` are those of vLLM's AsyncEngineArgs.

    `vocabulary` is how many tokens the tokenizer knows; None: all that the model has room for. Takes from seconds to
    minutes. Raises VllmMissing, VllmUnfit.
    """
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    try:
        made = import_module("vllm.v1.engine.async_llm").AsyncLLM
        arguments_of = import_module("vllm.engine.arg_utils").AsyncEngineArgs
        sampling = import_module("vllm.sampling_params")
        snapshot = import_module("vllm.v1.metrics.reader").get_metrics_snapshot
    except ModuleNotFoundError as error:
        raise VllmMissing(f"{error.name} is not installed: {INSTALL}") from error
    except Exception as error:
        raise VllmUnfit(f"vLLM is installed and cannot be used: {error}") from error
    try:
        engine = made.from_engine_args(arguments_of(model=path, **GUIDED, **(arguments or {})))
    except Exception as error:
        raise VllmUnfit(f"vLLM does not serve {path} so: {error}") from error

    def parameters(*, grammar: str | None = None, **asked: Any) -> Any:
        held = None if grammar is None else sampling.StructuredOutputsParams(grammar=grammar)
        kind = sampling.RequestOutputKind.DELTA
        try:
            return sampling.SamplingParams(output_kind=kind, structured_outputs=held, **asked)
        except Exception as error:
            raise ValueError(str(error)) from error

    config = engine.vllm_config
    blocks = config.cache_config.num_gpu_blocks or 0
    vllm = Vllm(
        engine=engine,
        parameters=parameters,
        rows=config.scheduler_config.max_num_seqs,
        figures=lambda: stats_of(snapshot(), blocks),
    )
    return VllmEngine(vllm, _info(name or path, engine, vocabulary))


def stats_of(metrics: Iterable[Any], blocks: int) -> Stats:
    """What vLLM's own metrics say: those of all its engines together, each of which has so many blocks."""
    sums: dict[str, float] = {}
    engines = 0
    for metric in metrics:
        name = metric.name.removeprefix(PREFIX)
        engines += name == "num_requests_running"
        sums[name] = sums.get(name, 0) + getattr(metric, "value", getattr(metric, "count", 0))
    return Stats(
        steps=int(sums.get("iteration_tokens_total", 0)),  # a histogram, which counts them
        running=int(sums.get("num_requests_running", 0)),
        waiting=int(sums.get("num_requests_waiting", 0)),
        blocks_used=round(sums.get("kv_cache_usage_perc", 0) * blocks),
        blocks_total=blocks * engines,
        preempted=int(sums.get("num_preemptions", 0)),
        prompt_tokens=int(sums.get("prompt_tokens", 0)),
        generated_tokens=int(sums.get("generation_tokens", 0)),
    )


def _info(name: str, engine: Any, vocabulary: int | None) -> EngineInfo:
    config = engine.model_config
    room = config.get_vocab_size()
    return EngineInfo(
        model=name,
        vocabulary=min(vocabulary or room, room),
        context=config.max_model_len,
        stop_tokens=_stop_tokens(config, engine.get_tokenizer()),
        device=f"vllm {engine.vllm_config.device_config.device_type}",
        precision=str(config.dtype).removeprefix("torch."),
        mode="fast",
        stops_within_a_step=False,  # the word to stop has to reach another process
    )


def _stop_tokens(config: Any, tokenizer: Any) -> frozenset[int]:
    """All that vLLM ends a reply by: the generation config's, else the config's, and its tokenizer's."""
    told = (config.try_get_generation_config() or {}).get(
        "eos_token_id", getattr(config.hf_config, "eos_token_id", None)
    )
    several = told if isinstance(told, list) else [told]
    return frozenset(token for token in (*several, tokenizer.eos_token_id) if token is not None)
