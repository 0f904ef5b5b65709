"""Whether a model says the same by the engine's attention as by its own. Knows nothing of the model's inside.

Windows, caps on scores, sinks, biases by distance: there is more that attention may do than is done here, and a model
that is run without it says something nearly right. So both are compared, once, before anybody is served.
"""

from typing import Any

import torch

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.sequence import Sequence, Work

from .loading import ModelUnfit
from .stepper import TorchStepper

LENGTH = 20
LEAST = 6
"""Tokens of the text that is tried, and how few tell enough."""
DECODED = 3
"""How many of them come one by one."""
EXACT, ROUGH = 1e-3, 0.1
"""How far apart logits may be on average, in their standard deviations: in float32, and in half as many bits."""


def expected(model: Any, context: int) -> tuple[list[int], Any]:
    """A text, and what the model makes of it by its own attention: (tokens, vocabulary)."""
    length = min(LENGTH, context)
    if length < LEAST:
        raise ModelUnfit(f"A context of {context} tokens is too short to be of use.")
    words = model.config.get_text_config().vocab_size
    tokens = [(place * place * 7 + 11) % words for place in range(length)]
    with torch.inference_mode():
        ids = torch.tensor([tokens], device=model.device)
        return tokens, model(input_ids=ids, use_cache=False).logits[0].float()


def prove(stepper: TorchStepper, tokens: list[int], wanted: Any) -> None:
    """Raises ModelUnfit where the engine makes something else of it: in two pieces, then one by one in a batch."""
    half, size = len(tokens) // 2, stepper.block_size
    whole, shorter = _sequence(tokens, 1, size), _sequence(tokens, 1 + -(-len(tokens) // size), size)
    begun = max(1, half - 2)
    steps = [
        [_piece(whole, 0, half - 1)],
        [_piece(whole, half - 1, len(tokens) - DECODED)],
        [_piece(shorter, 0, begun)],
        *([_decode(whole, len(tokens) - DECODED + place), _decode(shorter, begun + place)] for place in range(DECODED)),
    ]
    apart = []
    for works in steps:
        with torch.inference_mode():
            decodes = all(work.decodes for work in works)
            got = stepper.decoded(works) if decodes else stepper.logits(stepper.layouts.pieces(works, None))
        places = [place for work in works for place in range(work.start, work.start + work.count)]
        apart.append((got.float() - wanted[places][:, : got.shape[1]]).abs().mean().item())
    whole.ended = shorter.ended = True  # their blocks are others' from now on
    spread = wanted.std().item() or 1.0
    bound = EXACT if wanted.dtype == torch.float32 and stepper.info.precision == "float32" else ROUGH
    if not max(apart) <= bound * spread:
        raise ModelUnfit(
            f"By the engine's attention the model says something else than by its own: its logits are "
            f"{max(apart) / spread:.2g} standard deviations apart. It may use what is not done here."
        )


def _sequence(tokens: list[int], first: int, size: int) -> Sequence:
    request = TokenRequest(id="proof", prompt=tuple(tokens), max_tokens=1)
    blocks = list(range(first, first - (-len(tokens) // size)))
    return Sequence(request, 0, 0, 0, tokens=tokens, blocks=blocks)


def _piece(sequence: Sequence, start: int, end: int) -> Work:
    return Work(sequence, start, end - start, draws=False, decodes=False)


def _decode(sequence: Sequence, start: int) -> Work:
    return Work(sequence, start, 1, draws=False, decodes=True)
