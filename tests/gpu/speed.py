"""Tokens per second beside transformers' own ways, and the floor by arithmetic: of bytes, and of launches."""

import copy
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.sequence import Sequence, Work
from mockserver.engines.pytorch.engine import Options, engine_of
from tests.bench import engine_speed

SHAPES = ("tiny", "0.5b", "1.5b")
BATCHES = (1, 32, 256)
PROMPT, TOKENS, ROUNDS = 40, 96, 2
CONTEXT = 512
LITTLE: dict[str, Any] = {"shapes": ("tiny",), "batches": (1, 2), "tokens": 6, "rounds": 1}
MUCH: dict[str, Any] = {"shapes": SHAPES, "batches": BATCHES, "tokens": TOKENS, "rounds": ROUNDS}
CONTENDERS = ("engine", "generate", "continuous")
COPIED = {"cpu": 1 << 26, "cuda": 1 << 31}
"""Bytes that are copied to know a memory's bandwidth."""
LAUNCHES = 2000


def bandwidth(device: str) -> float:
    """Bytes per second that are read and written when memory is copied: the best of ten."""
    kind = torch.device(device).type
    source = torch.empty(COPIED[kind], dtype=torch.uint8, device=device).fill_(1)
    target = torch.empty_like(source)
    times = []
    for _ in range(10):
        with timed(device, times):
            target.copy_(source)
    return 2 * source.numel() / min(times)


def launch_cost(device: str) -> float:
    """Seconds from one small operation to the next."""
    one = torch.ones(1, device=device)
    times: list[float] = []
    for _ in range(5):
        with timed(device, times):
            for _ in range(LAUNCHES):
                one.add_(1)
    return min(times) / LAUNCHES


@contextmanager
def timed(device: str, times: list[float]) -> Iterator[None]:
    """Adds how long it took, all that was begun included."""
    wait = torch.cuda.synchronize if torch.device(device).type == "cuda" else lambda: None
    wait()
    began = time.perf_counter()
    yield
    wait()
    times.append(time.perf_counter() - began)


class Operations(TorchDispatchMode):  # type: ignore[misc]  # torch has no types where it is not installed
    """Counts operations that are more than another look at a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def launches(model: Any, batch: int) -> int:
    """Kernels of one decode step on CUDA; elsewhere operations."""
    stepper = engine_of(copy.deepcopy(model), Options(rows=batch, context=CONTEXT))._stepper
    works = []
    for row in range(batch):
        request = TokenRequest(id="x", prompt=(3, 4, 5), max_tokens=1)
        works.append(Work(Sequence(request, 0, 0, 0, tokens=[3, 4, 5], blocks=[1 + row]), 2, 1, True, True))
    with torch.inference_mode():
        stepper.decoded(works)  # type: ignore[attr-defined]
        if torch.device(model.device).type != "cuda":
            with Operations() as counted:
                stepper.decoded(works)  # type: ignore[attr-defined]
            return counted.count
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            stepper.decoded(works)  # type: ignore[attr-defined]
            torch.cuda.synchronize()
    return sum(event.device_type == torch.autograd.DeviceType.CUDA for event in profile.events())


def contended(name: str, model: Any, size: dict[str, Any], until: float) -> dict[int, dict[str, Any]]:
    """Tokens per second of one contender, by batch; or why there is no figure."""
    told: dict[int, dict[str, Any]] = {}
    options = {"rows": max(size["batches"]), "context": CONTEXT} if name == "engine" else {}
    try:
        with engine_speed.CONTENDERS[name](copy.deepcopy(model), **options) as run:
            for batch in size["batches"]:
                if time.monotonic() > until:
                    told[batch] = {"failed": "not measured: time was up"}
                    continue
                prompts = engine_speed.prompts_of(batch, PROMPT, model.config.vocab_size)
                speed = engine_speed.measure({name: run}, prompts, size["tokens"], size["rounds"])[name]
                told[batch] = {"wall": round(speed.wall, 1), "cpu": round(speed.cpu, 1)}
    except Exception as error:  # noqa: BLE001 - a peer that does not run is told of, and holds nobody up
        for batch in size["batches"]:
            told.setdefault(batch, {"failed": f"{type(error).__name__}: {error}"[:300]})
    gc.collect()
    torch.cuda.empty_cache()
    return told


def measured(device: str, *, small: bool, until: float) -> dict[str, Any]:
    """See evidence.evidence. It holds where there is a figure of the engine for each."""
    size = LITTLE if small else MUCH
    if torch.device(device).type == "cpu":
        torch.set_num_threads(1)
    bytes_per_second, cost = bandwidth(device), launch_cost(device)
    rows = []
    for shape in size["shapes"]:
        model = engine_speed.model_of(shape, device)
        speeds = {name: contended(name, model, size, until) for name in CONTENDERS}
        for batch in size["batches"]:
            count = launches(model, batch)
            read = engine_speed.read_by_a_step(model, batch, PROMPT + size["tokens"])
            row = {"shape": shape, "batch": batch, "launches": count}
            row |= {"floor_ms": round(1e3 * read / bytes_per_second, 4), "launch_ms": round(1e3 * count * cost, 4)}
            rows.append(row | {name: speeds[name][batch] for name in CONTENDERS})
        del model
        gc.collect()
        torch.cuda.empty_cache()
    return {
        "holds": all("wall" in row["engine"] for row in rows),
        "bandwidth": bytes_per_second,
        "launch_cost": cost,
        "tokens": size["tokens"],
        "rows": rows,
    }
