"""One choice as vLLM decodes it: a request to vLLM, and near the limit of a guided reply one for each token.

vLLM holds tokens to a grammar, and to nothing else: that a reply has to close what it opened before its limit is no
part of a grammar. From where the guide wants that, each token is asked for by itself, out of those that the guide lets
come. What was decoded before is found again in vLLM's prefix cache. Knows no other choice, and no text.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.masks import allowed_by
from mockserver.engines.decoding.request import Guide, TokenRequest

from .wording import asked, asked_next, told


@dataclass(slots=True, kw_only=True)
class Choice:
    """One choice of a request."""

    engine: Any
    """An AsyncLLM."""
    parameters: Callable[..., Any]
    """See engine.Vllm."""
    info: EngineInfo
    request: TokenRequest
    number: int
    _first: Any = field(init=False)
    _said: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises ValueError where vLLM takes no such request."""
        guides = self.request.guide
        held = {} if guides is None else {"grammar": guides.grammar}
        self._first = self.parameters(**asked(self.request, self.number, self.info), **held)

    async def events(self) -> AsyncGenerator[StepEvent]:
        """What there is to tell, up to its end."""
        guide = None if self.request.guide is None else self.request.guide(self.number)
        async with aclosing(self._decoded(self._first)) as outputs:
            async for output in outputs:
                event = told(output, self.request, self.number, len(self._said))
                if guide is not None:
                    event = self._until_it_closes(event, guide)
                self._said += [token.id for token in event.tokens]
                yield event
                if guide is not None and event.finish is None and guide.narrows(len(self._said)):
                    break
            else:
                return
        async with aclosing(self._closing(guide)) as closing:
            async for event in closing:
                yield event

    async def _closing(self, guide: Guide) -> AsyncGenerator[StepEvent]:
        """The rest of a guided reply, token by token."""
        while (made := len(self._said)) < self.request.max_tokens:
            allowed = np.flatnonzero(allowed_by(guide.mask(made), self.info.vocabulary)).tolist()
            if not allowed:
                yield StepEvent(self.number, made, finish=Finish.STOP)
                return
            wanted = self.parameters(**asked_next(self.request, self.number, self.info, made, allowed))
            async with aclosing(self._decoded(wanted)) as outputs:
                async for output in outputs:
                    event = told(output, self.request, self.number, made)
                    if event.finish is Finish.LENGTH and made + 1 < self.request.max_tokens:
                        event = replace(event, finish=None)  # of one token, not of the reply
                    for token in event.tokens:
                        guide.accept(token.id)
                        self._said.append(token.id)
                    yield event
                    if event.finish is not None:
                        return

    def _decoded(self, parameters: Any) -> Any:
        """What vLLM makes of the prompt and what has been said."""
        made = len(self._said)
        prompt = {"type": "token", "prompt_token_ids": [*self.request.prompt, *self._said]}
        return self.engine.generate(prompt, parameters, f"{self.request.id}-{self.number}-{made}")

    def _until_it_closes(self, event: StepEvent, guide: Guide) -> StepEvent:
        """The event up to the token from which on the guide wants more than its grammar says."""
        for place, token in enumerate(event.tokens):
            guide.accept(token.id)
            rest = len(event.tokens) - place - 1
            if rest and guide.narrows(len(self._said) + place + 1):
                return replace(event, tokens=event.tokens[: place + 1], finish=None, stopped_by=None)
        return event
