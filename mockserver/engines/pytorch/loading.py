"""A transformers model from a folder or a hub, and whether the engine can do it right. Knows no request.

Nothing is taken on trust: a model whose logits come out otherwise than by its own attention is refused.
"""

import sys
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from .memory import Shape

EXACT = frozenset({"full_attention"})
WINDOWED = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
"""Kinds of layers that see everything up to a length, and the member of the configuration that says which."""


class ModelUnfit(Exception):  # noqa: N818 - a model is unfit; nothing is in error
    """The model cannot be run by this engine, or not as it is asked to; the text says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the engine has to know about a model."""

    shapes: tuple[Shape, ...]
    """Of what each layer keeps of a token."""
    context: int
    """Tokens up to which every layer sees everything."""
    stop_tokens: frozenset[int]


def load(path: str, *, device: str | None = None, precision: str | None = None) -> Any:
    """The model of a folder with safetensors, or of a name on the hub; code that comes with it is not run.

    Raises ModelUnfit.
    """
    try:
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=where).tolist()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelUnfit(f"There is no device {device!r} here: {str(error).splitlines()[0]}") from error
    numbers = (
        getattr(torch, precision, None) if precision else torch.bfloat16 if where.type == "cuda" else torch.float32
    )
    if numbers not in (torch.float32, torch.bfloat16, torch.float16):
        raise ModelUnfit(f"The precision is float32, bfloat16 or float16, not {precision!r}.")
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=numbers, use_safetensors=True, trust_remote_code=False)
    except Exception as error:  # transformers, torch and safetensors raise whatever they have
        raise ModelUnfit(f"There is no model that can be read at {path!r}: {error}") from error
    return model.to(where).eval()


def examine(model: Any) -> Loaded:
    """See Loaded. Raises ModelUnfit."""
    config = model.config.get_text_config(decoder=True)
    ids = torch.zeros((1, 2), dtype=torch.long, device=model.device)
    try:
        with torch.inference_mode():
            kept = model(input_ids=ids, use_cache=True).past_key_values
        shapes = tuple(Shape(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in kept.layers)
    except (AttributeError, IndexError, TypeError) as error:
        raise ModelUnfit(f"A {config.model_type} keeps something else than keys and values of tokens.") from error
    except (RuntimeError, ValueError) as error:
        raise ModelUnfit(f"A {config.model_type} fails at its first two tokens: {error}") from error
    return Loaded(shapes, _context(config), _stop_tokens(model))


def _context(config: Any) -> int:
    """Tokens up to which every layer sees everything: windows are no windows as long as all fits into them."""
    lengths = [getattr(config, "max_position_embeddings", None) or 1 << 20]
    kinds = set(getattr(config, "layer_types", None) or ())
    if unknown := kinds - EXACT - set(WINDOWED):
        raise ModelUnfit(
            f"A {config.model_type} has layers of a kind that is not done here: {', '.join(sorted(unknown))}."
        )
    if not kinds and getattr(config, "use_sliding_window", True):
        kinds = {kind for kind, member in WINDOWED.items() if getattr(config, member, None)}
    lengths += [length for kind in kinds & set(WINDOWED) if (length := getattr(config, WINDOWED[kind], None))]
    scaling = getattr(config, "rope_parameters", None) or {}
    if scaling.get("rope_type") == "longrope":  # beyond this all positions are scaled otherwise, also those before
        lengths.append(scaling.get("original_max_position_embeddings") or lengths[0])
    return int(min(lengths))


def _stop_tokens(model: Any) -> frozenset[int]:
    """The model's own."""
    told = model.generation_config.eos_token_id if model.generation_config is not None else None
    told = model.config.eos_token_id if told is None else told
    return frozenset(told if isinstance(told, list) else [] if told is None else [told])
