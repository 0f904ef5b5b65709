"""Whether a reply is the same to the bit alone and in a batch: tokens drawn by chance, and their logprobs."""

import asyncio
import copy
import gc
from typing import Any

import torch

from mockserver.engines.decoding.events import Token
from mockserver.engines.decoding.request import Sampling, TokenRequest
from mockserver.engines.pytorch.engine import Options, engine_of
from tests.bench.engine_speed import Prompts, model_of, prompts_of

BATCH, TOKENS = 32, 32
FEW, SOME = 4, 6
"""So many replies of so many tokens, where it is to be little."""
LENGTHS = (3, 40, 170, 300)
"""Tokens of the prompts, in turn: some look back further than others, and some are computed in several pieces."""
WARM = Sampling(temperature=1.0, seed=7, top_p=0.95)


async def told(engine: Any, name: str, prompt: tuple[int, ...], most: int) -> list[Token]:
    """The tokens of one reply, with logprobs."""
    asked = TokenRequest(id=name, prompt=prompt, max_tokens=most, sampling=WARM, logprobs=3, ignore_eos=True)
    return [token async for event in engine.submit(asked) for token in event.tokens]


async def compared(model: Any, mode: str, prompts: Prompts, most: int) -> dict[str, Any]:
    """Each prompt alone, and all together."""
    engine = engine_of(model, Options(mode=mode, rows=BATCH, context=512, chunk=128))
    await engine.start()
    alone = [await told(engine, f"{number}", prompt, most) for number, prompt in enumerate(prompts)]
    crowd = await asyncio.gather(*(told(engine, f"{number}", prompt, most) for number, prompt in enumerate(prompts)))
    await engine.stop()
    pairs = list(zip(alone, crowd, strict=True))
    apart = [
        abs(one.logprob - other.logprob)
        for mine, others in pairs
        for one, other in zip(mine, others, strict=True)
        if one.id == other.id and one.logprob is not None and other.logprob is not None
    ]
    return {
        "mode": mode,
        "replies": len(pairs),
        "same_to_the_bit": sum(mine == others for mine, others in pairs),
        "same_tokens": sum([a.id for a in mine] == [b.id for b in others] for mine, others in pairs),
        "logprobs_apart_at_most": max(apart, default=0.0),
    }


def measured(device: str, *, small: bool, until: float) -> dict[str, Any]:
    """See evidence.evidence. What `fast` gives is told beside it, and binds nobody."""
    rows = []
    for shape in ("tiny",) if small else ("tiny", "0.5b"):
        model = model_of(shape, device)
        lengths = [LENGTHS[number % len(LENGTHS)] for number in range(FEW if small else BATCH)]
        longest = prompts_of(len(lengths), max(LENGTHS), model.config.vocab_size)
        prompts = [prompt[:length] for prompt, length in zip(longest, lengths, strict=True)]
        for mode in ("fast", "constant"):
            torch.use_deterministic_algorithms(mode=False)  # which `constant` turns on for all that comes
            row = asyncio.run(compared(copy.deepcopy(model), mode, prompts, SOME if small else TOKENS))
            rows.append({"shape": shape, "precision": str(model.dtype).removeprefix("torch."), **row})
            gc.collect()
            torch.cuda.empty_cache()
    holds = all(row["same_to_the_bit"] == row["replies"] for row in rows if row["mode"] == "constant")
    return {"holds": holds, "rows": rows}
