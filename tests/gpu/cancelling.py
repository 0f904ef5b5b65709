"""A request that is aborted at a random moment: the steps it takes after that, its memory, and its neighbours."""

import asyncio
import copy
import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.decoding.events import Finish
from mockserver.engines.decoding.interface import Stats
from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.sequence import Plan
from mockserver.engines.pytorch.engine import Options, engine_of
from tests.bench.engine_speed import Prompts, model_of, prompts_of

TIMES = {1: 70, 8: 70, 32: 60}
"""How often, with so many decoded together: two hundred times."""
FEW = {1: 3, 4: 3}
TOKENS = 16
LENGTH = 12
"""Tokens of a neighbour's prompt."""


@dataclass(slots=True)
class Watched:
    """Which requests were in each step, and what the engine said of itself when it began."""

    engine: Any
    steps: list[tuple[set[str], Stats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        stepper, own = self.engine._stepper, self.engine._stepper.step

        def step(plan: Plan) -> Any:
            self.steps.append(({work.sequence.request.id for work in plan.works}, self.engine.stats()))
            return own(plan)

        stepper.step = step


@dataclass(slots=True)
class Found:
    """What came of all turns at one size."""

    further: list[int] = field(default_factory=list)
    """Steps that the aborted request took after the one that was in flight."""
    late_blocks: int = 0
    """Times that its memory was not free when the next step began."""
    kept_blocks: int = 0
    """Blocks that were still taken when all had ended."""
    changed: int = 0
    """Neighbours that said something else than without it."""
    milliseconds: list[float] = field(default_factory=list)
    """From the abort to its last event."""


async def ids(engine: Any, name: str, prompt: tuple[int, ...]) -> list[int]:
    """The tokens of a neighbour."""
    asked = TokenRequest(id=name, prompt=prompt, max_tokens=TOKENS, ignore_eos=True)
    return [token.id async for event in engine.submit(asked) for token in event.tokens]


async def turn(watched: Watched, found: Found, neighbours: Prompts, wanted: list[list[int]], left: int) -> None:
    """One abort, after so many events."""
    engine = watched.engine
    watched.steps.clear()
    prompt = tuple(range(3, 3 + 60))
    stream = engine.submit(TokenRequest(id="leaves", prompt=prompt, max_tokens=90, ignore_eos=True))
    others = [asyncio.create_task(ids(engine, f"{n}", neighbour)) for n, neighbour in enumerate(neighbours)]
    if left:
        async for _ in stream:
            left -= 1
            if not left:
                break
    with engine._changed:  # no step begins or ends meanwhile
        begun, at = len(watched.steps), time.perf_counter()
        engine.abort("leaves")
    last = [event async for event in stream][-1]
    found.milliseconds.append(1e3 * (time.perf_counter() - at))
    assert last.finish is Finish.ABORTED
    told = [await other for other in others]
    found.changed += sum(one != another for one, another in zip(told, wanted, strict=True))
    final = max((number for number, (who, _) in enumerate(watched.steps, 1) if "leaves" in who), default=0)
    found.further.append(max(0, final - begun))
    each = -(-(LENGTH + TOKENS + 1) // engine._stepper.block_size)
    after = watched.steps[final:]
    found.late_blocks += sum(s.running > len(who) or s.blocks_used > each * len(who) for who, s in after)
    found.kept_blocks += engine.stats().blocks_used


async def turns(model: Any, mode: str, batch: int, times: int) -> dict[str, Any]:
    """All aborts at one size."""
    engine = engine_of(copy.deepcopy(model), Options(mode=mode, rows=max(2, batch), chunk=32, context=256))
    await engine.start()
    neighbours = prompts_of(batch - 1, LENGTH, model.config.vocab_size) if batch > 1 else []
    wanted = [await ids(engine, "alone", prompt) for prompt in neighbours]
    watched, found, chances = Watched(engine), Found(), random.Random(batch)
    for _ in range(times):
        await turn(watched, found, neighbours, wanted, chances.randint(0, TOKENS - 4))
    await engine.stop()
    return {
        "mode": mode,
        "batch": batch,
        "times": times,
        "further_steps_at_most": max(found.further),
        "late_blocks": found.late_blocks,
        "kept_blocks": found.kept_blocks,
        "neighbours_changed": found.changed,
        "neighbours": times * len(neighbours),
        "ms_median": round(statistics.median(found.milliseconds), 2),
        "ms_most": round(max(found.milliseconds), 2),
    }


def measured(device: str, *, small: bool, until: float) -> dict[str, Any]:
    """See evidence.evidence. A neighbour may change in `fast`, where the numbers of a batch depend on its size."""
    model = model_of("tiny", device)
    rows = [
        asyncio.run(turns(model, mode, batch, times))
        for mode in ("fast", "constant")
        for batch, times in (FEW if small else TIMES).items()
    ]
    holds = all(
        row["further_steps_at_most"] <= 1  # one may have been planned, and not begun
        and not row["late_blocks"]
        and not row["kept_blocks"]
        and (row["mode"] == "fast" or not row["neighbours_changed"])
        for row in rows
    )
    return {"holds": holds, "precision": str(model.dtype).removeprefix("torch."), "rows": rows}
