"""From logits to tokens: bias, penalties, guides, temperature, top-k, top-p and chance, for each row its own.

A row's result depends on that row alone: on its logits, and on a chance that is made of seed, choice and step.
"""

from collections import Counter
from collections.abc import Sequence as Rows
from typing import Any

import numpy as np
import torch

from mockserver.engines.decoding.chance import chance
from mockserver.engines.decoding.events import Token
from mockserver.engines.decoding.masks import allowed_by
from mockserver.engines.decoding.sequence import Drawn, Sequence

COLD = 1e-5
"""A temperature below this is none: the likeliest token comes."""
NEVER = float("-inf")
LOST = -1
"""In the place of a token, where a row of logits has no likeliest one."""
NO_NUMBER = "what the model made of it is not a number"
WHOLE = float(1 << 52)
"""All probability there is. Whole numbers add up to the same in any order. On CUDA that of floats depends on how many
rows there are, and torch refuses such sums where the same is wanted every time.
"""


def draw(logits: Any, sequences: Rows[Sequence], stop_tokens: frozenset[int]) -> list[Drawn]:
    """The next token of each sequence by its row of logits, (rows, vocabulary)."""
    if all(map(_plain, sequences)):
        most, places = logits.max(-1)
        likeliest = torch.where(most.isfinite(), places, LOST).tolist()
        return [Drawn(message=NO_NUMBER) if token == LOST else Drawn(Token(token)) for token in likeliest]
    raw, lost = _numbers(logits.float())
    shifted, failed = _guided(_shifted(raw, sequences, stop_tokens), sequences, stop_tokens)
    failed |= dict.fromkeys(lost, Drawn(message=NO_NUMBER))
    tokens = _chosen(shifted, sequences)
    told = told_tokens(raw, tokens, [sequence.request.logprobs for sequence in sequences])
    return [failed.get(row, Drawn(token)) for row, token in enumerate(told)]


def _numbers(raw: Any) -> tuple[Any, list[int]]:
    """The logits with nothing in the place of rows that are no numbers, and which these are."""
    good = raw.max(-1).values.isfinite()
    lost = [row for row, fit in enumerate(good.tolist()) if not fit]
    return (raw.masked_fill(~good[:, None], 0.0) if lost else raw), lost


def told_tokens(raw: Any, tokens: Rows[int], asked: Rows[int | None]) -> list[Token]:
    """Tokens with the logprobs that are asked for, from the model's own logits, (tokens, vocabulary) in float32."""
    most = max((many for many in asked if many is not None), default=None)
    if most is None:
        return [Token(token) for token in tokens]
    logprobs = raw.log_softmax(-1)
    own = logprobs.gather(1, torch.tensor(tokens, device=raw.device)[:, None])[:, 0].tolist()
    likeliest = logprobs.topk(min(most, raw.shape[1]), dim=-1) if most else None
    values, ids = (likeliest.values.tolist(), likeliest.indices.tolist()) if likeliest else ([], [])
    made = []
    for row, (token, many) in enumerate(zip(tokens, asked, strict=True)):
        top = tuple(zip(ids[row][:many], values[row][:many], strict=True)) if many else ()
        made.append(Token(token) if many is None else Token(token, own[row], top))
    return made


def _plain(sequence: Sequence) -> bool:
    """Whether the likeliest token is all that is wanted."""
    request = sequence.request
    return (
        request.sampling.temperature < COLD
        and request.logprobs is None
        and sequence.guide is None
        and not _is_shifted(sequence)
    )


def _is_shifted(sequence: Sequence) -> bool:
    wanted = sequence.request.sampling
    return bool(
        wanted.logit_bias
        or wanted.frequency_penalty
        or wanted.presence_penalty
        or sequence.replied < sequence.request.min_tokens
    )


def _shifted(raw: Any, sequences: Rows[Sequence], stop_tokens: frozenset[int]) -> Any:
    """The logits with bias and penalties, and without the stop tokens for which it is too early."""
    rows: list[int] = []
    tokens: list[int] = []
    shifts: list[float] = []
    for row, sequence in enumerate(sequences):
        if not _is_shifted(sequence):
            continue
        for token, shift in _shifts(sequence, stop_tokens).items():
            rows.append(row)
            tokens.append(token)
            shifts.append(shift)
    if not rows:
        return raw
    where = (torch.tensor(rows, device=raw.device), torch.tensor(tokens, device=raw.device))
    return raw.index_put(where, raw[where] + torch.tensor(shifts, dtype=raw.dtype, device=raw.device))


def _shifts(sequence: Sequence, stop_tokens: frozenset[int]) -> dict[int, float]:
    """What is added to the logits of some tokens."""
    request, wanted = sequence.request, sequence.request.sampling
    shifts = dict(wanted.logit_bias)
    if wanted.frequency_penalty or wanted.presence_penalty:
        for token, times in Counter(sequence.tokens[sequence.prompt_length :]).items():
            penalty = wanted.frequency_penalty * times + wanted.presence_penalty
            shifts[token] = shifts.get(token, 0.0) - penalty
    if sequence.replied < request.min_tokens:
        shifts |= dict.fromkeys(_ending(sequence, stop_tokens), NEVER)
    return shifts


def _ending(sequence: Sequence, stop_tokens: frozenset[int]) -> frozenset[int]:
    """The tokens that end a reply."""
    request = sequence.request
    return request.stop_tokens | (frozenset() if request.ignore_eos else stop_tokens)


def _guided(logits: Any, sequences: Rows[Sequence], stop_tokens: frozenset[int]) -> tuple[Any, dict[int, Drawn]]:
    """The logits of what the guides let come, and what becomes of rows in which that is nothing."""
    failed: dict[int, Drawn] = {}
    rows: list[int] = []
    masks: list[Any] = []
    for row, sequence in enumerate(sequences):
        if sequence.guide is None:
            continue
        try:
            mask = sequence.guide.mask(sequence.replied)
            allowed = None if mask is None else allowed_by(mask, logits.shape[1])
        except Exception as error:  # noqa: BLE001 - the fault of one guide is not the fault of all
            failed[row] = Drawn(message=f"the guide failed: {error!r}")
            continue
        if allowed is None:
            continue
        complete = sequence.replied < sequence.request.min_tokens and not any(
            token not in _ending(sequence, stop_tokens) for token in np.flatnonzero(allowed)
        )  # only its end may come, and may not yet
        if complete or not allowed.any():
            failed[row] = Drawn()
            continue
        rows.append(row)
        masks.append(~allowed)
    if rows:
        where = torch.tensor(rows, device=logits.device)
        hidden = torch.from_numpy(np.stack(masks)).to(logits.device)
        logits = logits.index_copy(0, where, logits.index_select(0, where).masked_fill(hidden, NEVER))
    return logits, failed


def _chosen(logits: Any, sequences: Rows[Sequence]) -> list[int]:
    """The token of each row: the likeliest, or one by chance."""
    tokens: list[int] = logits.argmax(-1).tolist()
    warm = [row for row, sequence in enumerate(sequences) if sequence.request.sampling.temperature >= COLD]
    for rows, sorts in (
        ([row for row in warm if not _cuts(sequences[row])], False),
        (
            [row for row in warm if _cuts(sequences[row])],
            True,
        ),
    ):
        if rows:
            drawn = _drawn(logits[rows], [sequences[row] for row in rows], sorts=sorts)
            for row, token in zip(rows, drawn, strict=True):
                tokens[row] = token
    return tokens


def _cuts(sequence: Sequence) -> bool:
    """Whether only some of the likeliest tokens may come."""
    return sequence.request.sampling.top_p < 1 or sequence.request.sampling.top_k > 0


def _drawn(logits: Any, sequences: Rows[Sequence], *, sorts: bool) -> list[int]:
    """A token for each row by its chance: the first one up to which the probabilities add up to more."""
    wanted = [sequence.request.sampling for sequence in sequences]
    device, many = logits.device, logits.shape[1]

    def column(numbers: list[float]) -> Any:
        return torch.tensor(numbers, dtype=torch.float64, device=device)[:, None]

    warmth = column([sampling.temperature for sampling in wanted]).float()
    parts = (logits / warmth).softmax(-1)
    order = None
    if sorts:
        parts, order = parts.sort(dim=-1, descending=True, stable=True)
    parts = (parts.double() * WHOLE).long()
    sums = parts.cumsum(-1)
    if sorts:
        before = sums - parts
        cut = (before >= column([sampling.top_p * WHOLE for sampling in wanted])) | (
            torch.arange(many, device=device) >= column([sampling.top_k or many for sampling in wanted])
        )
        cut[:, 0] = False
        sums = parts.masked_fill(cut, 0).cumsum(-1)
    chances = column([chance(s.seed, s.choice, s.replied) for s in sequences])
    whole = sums[:, -1:]
    aim = torch.minimum((chances * whole).long(), whole - 1)
    places = torch.searchsorted(sums, aim, right=True)
    chosen = places if order is None else order.gather(1, places)
    told: list[int] = chosen[:, 0].tolist()
    return told
