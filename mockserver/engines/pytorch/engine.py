"""An engine with a transformers model, put together. Knows no request."""

import os
from dataclasses import dataclass, field
from typing import Any

import torch

from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.scheduler import Limits
from mockserver.engines.decoding.stepping import Patience, SteppingEngine

from . import attention
from .loading import Loaded, ModelUnfit, examine, load
from .memory import empty
from .norms import fuse
from .proving import expected, prove
from .stepper import TorchStepper

SMALL = 50_000_000
"""Parameters of a model for which a second thread of the processor costs more than it gives."""
GIB = 1 << 30
WORKSPACES = (":4096:8", ":16:8")
"""Of cuBLAS, with which it gives the same each time."""
PROOF = 64
"""Blocks that there are at least: so many need the two texts with which the engine is tried, at a token a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a model is run."""

    mode: str = "fast"
    """"fast", or "constant": a reply is the same to the bit whatever else is decoded at the same time."""
    device: str | None = None
    """None: CUDA where there is one, else the processor."""
    precision: str | None = None
    """None: bfloat16 on CUDA, else float32."""
    rows: int | None = None
    """Sequences that are decoded together. None: 64; 32 in `constant`, which always decodes as many."""
    chunk: int | None = None
    """Tokens of prompts in one step. None: 512; 2048 on CUDA."""
    context: int | None = None
    """Tokens that a prompt and its reply may have together. None: as many as the model is made for."""
    vocabulary: int | None = None
    """Tokens that the tokenizer knows; models often have room for more, which never come. None: all."""
    blocks: int | None = None
    """Of the key-value memory. None: as many as the rows can use, within what memory there is."""
    block_size: int = 16
    """Tokens in each."""
    threads: int | None = None
    """Of the processor. None: one for a small model, else as torch wants it."""
    name: str | None = None
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        """Raises loading.ModelUnfit for a mode that there is not, before any model is read."""
        if self.mode not in ("fast", "constant"):
            raise ModelUnfit(f"The mode is fast or constant, not {self.mode!r}.")


def open_engine(path: str, options: Options | None = None) -> SteppingEngine:
    """An engine with the model of a folder or a hub. Raises loading.ModelUnfit."""
    options = options or Options()
    if options.mode == "constant":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACES[0])  # read when CUDA starts
    return engine_of(load(path, device=options.device, precision=options.precision), options, name=path)


def engine_of(model: Any, options: Options | None = None, *, name: str = "model") -> SteppingEngine:
    """An engine with a model that is already in memory, and is the engine's from now on. Raises loading.ModelUnfit."""
    options = options or Options()
    constant = options.mode == "constant"
    if constant:
        _same_every_time(on_cuda=model.device.type == "cuda")
    loaded = examine(model.eval())
    on_cuda = model.device.type == "cuda"
    context = _context(options, loaded)
    limits = Limits(
        rows=options.rows or (32 if constant else 64),
        chunk=options.chunk or (2048 if on_cuda else 512),
        constant=constant,
    )
    room = _room(model, loaded, options.block_size)
    blocks = options.blocks or max(1, min(room, limits.rows * -(-context // options.block_size)))
    memory = empty(loaded.shapes, max(blocks, PROOF), options.block_size, device=model.device, precision=model.dtype)
    vocabulary = min(options.vocabulary or 1 << 30, model.config.get_text_config().vocab_size)
    info = EngineInfo(
        model=options.name or name,
        vocabulary=vocabulary,
        context=context,
        stop_tokens=frozenset(token for token in loaded.stop_tokens if token < vocabulary),  # others never come
        device=str(model.device),
        precision=str(model.dtype).removeprefix("torch."),
        mode=options.mode,
        stops_within_a_step=True,
    )
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    threads = options.threads or (1 if small else torch.get_num_threads())
    stepper = TorchStepper(model, memory, room * options.block_size, blocks, info, limits, threads)
    _attach(model, stepper)
    return SteppingEngine(stepper, options.patience)


def _attach(model: Any, stepper: TorchStepper) -> None:
    """Put the engine's attention into the model, and see that it still says the same."""
    text, wanted = expected(model, stepper.info.context)
    attention.register()
    try:
        model.set_attn_implementation(attention.NAME)
        fuse(model)
        prove(stepper, text, wanted)
    except (attention.Unfit, AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelUnfit(f"A {model.config.model_type} cannot be run by this engine: {error}") from error


def _context(options: Options, loaded: Loaded) -> int:
    if options.context is None:
        return loaded.context
    if not 0 < options.context <= loaded.context:
        raise ModelUnfit(f"The context is between 1 and {loaded.context} tokens for this model, not {options.context}.")
    return options.context


def _room(model: Any, loaded: Loaded, size: int) -> int:
    """Blocks for which there is memory, and once more for what is kept gathered of them."""
    each = size * sum(shape.numbers() for shape in loaded.shapes) * model.dtype.itemsize
    most = 0.4 * torch.cuda.mem_get_info(model.device)[0] if model.device.type == "cuda" else GIB
    return int(most / each)


def _same_every_time(*, on_cuda: bool) -> None:
    """Kernels that give the same for the same. Of the whole process: torch knows no smaller switch."""
    if on_cuda and os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in WORKSPACES:
        raise ModelUnfit(
            f"For `constant` on CUDA set CUBLAS_WORKSPACE_CONFIG={WORKSPACES[0]} before torch starts, or cuBLAS gives "
            "other bits each time."
        )
    torch.use_deterministic_algorithms(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
