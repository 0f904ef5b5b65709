"""Computes the steps of an engine with a transformers model. Knows no request's text, no thread, no client."""

from collections.abc import Sequence as Rows
from typing import Any

import torch

from mockserver.engines.decoding.events import Token
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.scheduler import Limits
from mockserver.engines.decoding.sequence import Drawn, Plan, Work

from .gathered import Gathered
from .layout import Layouts, Row
from .memory import Memory
from .sampling import draw, told_tokens
from .tracing import Traces, forward

BUCKET = 128
"""Tokens that the shortest row is said to have in `constant` mode; the next are twice as long each."""


class TorchStepper:
    """See decoding.stepping.Stepper."""

    def __init__(
        self, model: Any, memory: Memory, most: int, blocks: int, info: EngineInfo, limits: Limits, threads: int
    ) -> None:
        """`most`: tokens for which there is room to be kept gathered, besides the memory."""
        self.info = info
        self.limits = limits
        self.blocks = blocks
        self.block_size = memory.size
        self._model = model
        self._memory = memory
        self._threads = threads
        self.traces = Traces(model, exact=limits.constant)
        self.gathered = Gathered(memory, most)
        self.layouts = Layouts(memory, model.device, model.dtype)

    def step(self, plan: Plan) -> list[Drawn]:
        """What comes of each work, in their order."""
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)  # of this thread
        with torch.inference_mode():
            self._memory.copy(plan.copies)
            if self.limits.constant:
                return self._constant(plan.works)
            return self._fast(plan.works)

    def _fast(self, works: Rows[Work]) -> list[Drawn]:
        """All at once."""
        decodes = [work for work in works if work.decodes]
        pieces = works[len(decodes) :]
        if not pieces:
            return draw(self.decoded(works), [work.sequence for work in works], self.info.stop_tokens)
        keep: list[int] = []
        kept = [(number, number + 1) for number in range(len(decodes))]
        offset = 0
        for work in pieces:
            end = offset + work.count
            wanted = range(offset if _tells_prompt(work) else end - 1, end)
            kept.append((len(decodes) + len(keep), len(decodes) + len(keep) + len(wanted)))
            keep += wanted
            offset = end
        row = self._beside(decodes, pieces, keep) if decodes else self.layouts.pieces(pieces, keep)
        return self._results(works, self.logits(row), kept)

    def _constant(self, works: Rows[Work]) -> list[Drawn]:
        """Rows that decode in one forward pass of one shape, each piece of a prompt in one of its own."""
        results: list[Drawn] = []
        decodes = [work for work in works if work.decodes]
        if decodes:
            results += self._results(decodes, self.decoded(decodes), [(row, row + 1) for row in range(len(decodes))])
        for work in works[len(decodes) :]:
            keep = list(range(work.count)) if _tells_prompt(work) else [work.count - 1]
            logits = self.logits(self.layouts.pieces([work], keep))
            results += self._results([work], logits, [(0, len(keep))])
        return results

    def _results(self, works: Rows[Work], logits: Any, kept: Rows[tuple[int, int]]) -> list[Drawn]:
        """What comes of works whose logits are those rows: the last for what is drawn, all for a prompt's logprobs."""
        drawing = [number for number, work in enumerate(works) if work.draws]
        drawn: dict[int, Drawn] = {}
        if drawing:
            last = [kept[number][1] - 1 for number in drawing]
            rows = logits[last] if last != list(range(len(logits))) else logits
            sequences = [works[number].sequence for number in drawing]
            drawn = dict(zip(drawing, draw(rows, sequences, self.info.stop_tokens), strict=True))
        results = []
        for number, work in enumerate(works):
            result = drawn.get(number, Drawn())
            if _tells_prompt(work):
                first, end = kept[number]
                told = _prompt(work, logits[first:end])
                result = Drawn(result.token, told, result.message)
            results.append(result)
        return results

    def logits(self, row: Row) -> Any:
        """What the model says after the tokens of which that is wanted: (tokens, vocabulary)."""
        return forward(self._model, row)[:, : self.info.vocabulary]

    def decoded(self, works: Rows[Work]) -> Any:
        """What the model says after each of these, which all decode: (works, vocabulary)."""
        if self.limits.constant:
            row = self.layouts.grouped([*works, *[None] * (self.limits.rows - len(works))], self._bucket)
        else:
            row = self._beside(works)
        return self.traces.logits(row)[: len(works), : self.info.vocabulary]

    def _beside(self, decodes: Rows[Work], pieces: Rows[Work] = (), keep: Rows[int] = ()) -> Row:
        """Those that decode, with what they look back on gathered if there is room for that; then pieces of prompts.

        The logits are those of each that decodes, then those of the tokens `keep` of the pieces.
        """
        many = _rounded(len(decodes))
        places = self.gathered.place(decodes, many)
        rows: list[Work | None] = [None] * many
        for work, place in zip(decodes, places or range(many), strict=False):
            rows[place] = work
        wanted = [*(places or range(len(decodes))), *(many + token for token in keep)]
        if places is not None:
            return self.layouts.beside(rows, self.gathered, pieces, wanted)
        longest = max(len(work.sequence.blocks) for work in decodes) * self.block_size
        return self.layouts.grouped(rows, lambda _: longest, pieces, wanted)

    def _bucket(self, length: int) -> int:
        """A few lengths for all, which depend on a row's own only."""
        longest = -(-self.info.context // self.block_size) * self.block_size
        bucket = BUCKET
        while bucket < length:
            bucket *= 2
        return min(bucket, max(longest, length))


def _rounded(rows: int) -> int:
    """A few numbers of rows for all: a power of two, or half as much again."""
    power = 1 << (rows - 1).bit_length()
    return power * 3 // 4 if rows <= power * 3 // 4 else power


def _tells_prompt(work: Work) -> bool:
    """Whether the logprobs of the prompt's tokens are wanted of a work."""
    sequence = work.sequence
    return sequence.request.prompt_logprobs and not sequence.replied and work.start + 1 < sequence.prompt_length


def _prompt(work: Work, logits: Any) -> tuple[Token, ...]:
    """The tokens of the prompt that come after those of a work, by their logits."""
    request = work.sequence.request
    tokens = request.prompt[work.start + 1 : work.start + work.count + 1]
    raw = logits[: len(tokens)].float()
    return tuple(told_tokens(raw, tokens, [request.logprobs] * len(tokens)))
