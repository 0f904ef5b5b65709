"""An engine whose replies are written down: it schedules, guides and stops as the others do. Knows no model."""

import math
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Ids
from dataclasses import dataclass, field

from .events import Token
from .interface import EngineInfo
from .masks import allowed_by
from .request import TokenRequest
from .scheduler import Limits
from .sequence import Drawn, Plan, Sequence, Work
from .stepping import Patience, SteppingEngine

SURE = 0.9
"""What the model of a script thinks of its own tokens; the other tokens share the rest."""

Script = Callable[[TokenRequest, int], Ids[int]]
"""The tokens of a choice, without the stop token that ends it."""


@dataclass(frozen=True, slots=True)
class ScriptedStepper:
    """Says the script's tokens, each at its place, and then the stop token. Keeps nothing between steps.

    Where a guide does not let the script's token come, the first one comes that it does.
    """

    script: Script
    info: EngineInfo
    limits: Limits = field(default_factory=Limits)
    blocks: int = 4096
    block_size: int = 16
    before: Callable[[Plan], object] = bool
    """Called with each plan before it is done: a test waits here, or fails."""

    def step(self, plan: Plan) -> list[Drawn]:
        """The script's next tokens."""
        self.before(plan)
        return [self._drawn(work) for work in plan.works]

    def _drawn(self, work: Work) -> Drawn:
        sequence = work.sequence
        prompt: tuple[Token, ...] = ()
        if sequence.request.prompt_logprobs and not sequence.replied:
            read = sequence.request.prompt[work.start + 1 : work.start + work.count + 1]
            prompt = tuple(self._token(token, sequence) for token in read)
        if not work.draws:
            return Drawn(prompt=prompt)
        try:
            token = self._next(sequence)
        except Exception as error:  # noqa: BLE001 - the fault of one guide is not the fault of all
            return Drawn(prompt=prompt, message=f"the guide failed: {error!r}")
        return Drawn(None if token is None else self._token(token, sequence), prompt)

    def _next(self, sequence: Sequence) -> int | None:
        """The token that comes next; None where the guide lets none come."""
        said = self.script(sequence.request, sequence.choice)
        wanted = said[sequence.replied] if sequence.replied < len(said) else min(self.info.stop_tokens)
        if sequence.guide is None or (mask := sequence.guide.mask(sequence.replied)) is None:
            return wanted
        may_come = allowed_by(mask, self.info.vocabulary)
        return wanted if may_come[wanted] else int(may_come.argmax()) if may_come.any() else None

    def _token(self, token: int, sequence: Sequence) -> Token:
        """A token with its logprobs, if those are asked for."""
        asked = sequence.request.logprobs
        if asked is None:
            return Token(token)
        rest = math.log((1 - SURE) / max(1, self.info.vocabulary - 1))
        likeliest: Iterator[int] = (other for other in range(self.info.vocabulary) if other != token)
        top = [(token, math.log(SURE)), *((other, rest) for other, _ in zip(likeliest, range(asked), strict=False))]
        return Token(token, math.log(SURE), tuple(top[:asked]))


def scripted(
    script: Script, *, vocabulary: int, stop_token: int, context: int = 4096, model: str = "scripted"
) -> SteppingEngine:
    """An engine that plays a script."""
    info = EngineInfo(
        model=model,
        vocabulary=vocabulary,
        context=context,
        stop_tokens=frozenset({stop_token}),
        device="none",
        precision="none",
        mode="constant",
        stops_within_a_step=True,
    )
    return SteppingEngine(ScriptedStepper(script, info), Patience())
