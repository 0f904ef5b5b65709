"""vLLM behind the interface of engines: its scheduler, memory and GPUs. Knows of vLLM what it is handed, and no text.

Guides cannot be used with it: it decodes in another process, where none of our objects can say what may come.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from .decoding.events import Finish, StepEvent, Token
from .decoding.interface import EngineDead, EngineInfo, Stats
from .decoding.request import Refused, TokenRequest, check
from .decoding.stream import TokenStream

INSTALL = "pip install 'streamspec[vllm]'"
FINISHES = {"stop": Finish.STOP, "length": Finish.LENGTH, "abort": Finish.ABORTED}
UNREAD = 4096
"""Events of a stream that nobody has read; with more the request is aborted."""


class VllmMissing(Exception):  # noqa: N818 - it is missing
    """vLLM is not installed; the text says how to install it."""


def open_vllm(path: str, **arguments: Any) -> "VllmEngine":
    """An engine with the model of a folder or a hub; `arguments` are those of vLLM's AsyncEngineArgs.

    Called in the event loop that will use it. Raises VllmMissing, and whatever vLLM has against the model.
    """
    try:
        vllm = import_module("vllm")
        made = import_module("vllm.v1.engine.async_llm").AsyncLLM
        arguments_of = import_module("vllm.engine.arg_utils").AsyncEngineArgs
        delta = import_module("vllm.sampling_params").RequestOutputKind.DELTA
    except ModuleNotFoundError as error:
        raise VllmMissing(f"{error.name} is not installed: {INSTALL}") from error
    engine = made.from_engine_args(arguments_of(model=path, skip_tokenizer_init=True, **arguments))
    config = engine.model_config
    told = config.hf_config.eos_token_id
    info = EngineInfo(
        model=path,
        vocabulary=config.get_vocab_size(),
        context=config.max_model_len,
        stop_tokens=frozenset(told if isinstance(told, list) else [] if told is None else [told]),
        device="vllm",
        precision=str(config.dtype).removeprefix("torch."),
        mode="fast",
        stops_within_a_step=False,  # the word to stop has to reach another process
    )
    return VllmEngine(engine, info, partial(vllm.SamplingParams, output_kind=delta))


class VllmEngine:
    """See decoding.interface.Engine. Belongs to one event loop."""

    def __init__(self, engine: Any, info: EngineInfo, parameters: Callable[..., Any]) -> None:
        self.info = info
        self._engine = engine
        self._parameters = parameters
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stats = Stats()

    def submit(self, request: TokenRequest) -> TokenStream:
        """Begin. Raises Refused, EngineDead."""
        check(request, vocabulary=self.info.vocabulary, context=self.info.context)
        if self._stats.dead:
            raise EngineDead(self._stats.dead)
        if request.guide is not None:
            raise Refused("response_format", "With vLLM behind it this server holds tokens to no grammar.")
        if request.id in self._tasks:
            raise Refused("id", f"A request with the id {request.id!r} is still running.")
        stream = TokenStream(request.choices, UNREAD, lambda _: self.abort(request.id))
        self._loop = stream.loop
        self._tasks[request.id] = stream.loop.create_task(self._run(request, stream))
        return stream

    def abort(self, id: str, choice: int | None = None) -> None:  # noqa: A002
        """End a request. One choice alone goes on in vLLM: who asked for its end reads it no more."""
        if self._loop is not None and choice is None:
            self._loop.call_soon_threadsafe(self._cancel, id)

    def stats(self) -> Stats:
        """What is known of it here; its memory is told of by vLLM's own metrics."""
        return replace(self._stats, running=len(self._tasks))

    async def start(self) -> None:
        """It is running since it was made."""

    async def stop(self, *, drain: bool = False) -> None:
        """Be done: with `drain` when all that was submitted has ended."""
        self._stats = replace(self._stats, dead="the engine was stopped")
        tasks = list(self._tasks.values())
        if not drain:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._engine.shutdown()

    def _cancel(self, id: str) -> None:  # noqa: A002
        if (task := self._tasks.get(id)) is not None:
            task.cancel()

    async def _run(self, request: TokenRequest, stream: TokenStream) -> None:
        """Hand over what vLLM tells of a request, and an end for each choice that it leaves without one."""
        left = set(range(request.choices))
        end, message = Finish.ERROR, "vLLM told of no end"
        prompt = {"prompt_token_ids": list(request.prompt)}
        try:
            async for told in self._engine.generate(prompt, self._asked(request), request.id):
                for event in self._events(told, request):
                    left -= {event.choice} if event.finish else set()
                    stream.hand_over(event)
        except asyncio.CancelledError:
            end, message = (Finish.ERROR, self._stats.dead) if self._stats.dead else (Finish.ABORTED, "")
            self._stats = replace(self._stats, aborted=self._stats.aborted + len(left))
            await self._engine.abort(request.id)
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may be left waiting
            message = f"{type(error).__name__}: {error}"
            if type(error).__name__ == "EngineDeadError":
                self._stats = replace(self._stats, dead=message)
        finally:
            del self._tasks[request.id]
            self._stats = replace(self._stats, finished=self._stats.finished + request.choices)
            for choice in sorted(left):
                stream.hand_over(StepEvent(choice, self._stats.steps, finish=end, message=message))

    def _asked(self, request: TokenRequest) -> Any:
        wanted = request.sampling
        return self._parameters(
            n=request.choices,
            max_tokens=request.max_tokens,
            min_tokens=request.min_tokens,
            temperature=wanted.temperature,
            top_p=wanted.top_p or 1e-9,  # vLLM knows no 0: the likeliest alone
            top_k=wanted.top_k,
            frequency_penalty=wanted.frequency_penalty,
            presence_penalty=wanted.presence_penalty,
            logit_bias=dict(wanted.logit_bias) or None,
            seed=wanted.seed,
            stop_token_ids=sorted(request.stop_tokens | (frozenset() if request.ignore_eos else self.info.stop_tokens)),
            ignore_eos=request.ignore_eos,
            logprobs=request.logprobs,
            prompt_logprobs=request.logprobs if request.prompt_logprobs else None,
            detokenize=False,
        )

    def _events(self, told: Any, request: TokenRequest) -> list[StepEvent]:
        """What one of vLLM's outputs tells: for a slow reader it holds the tokens of several steps."""
        self._stats = replace(
            self._stats,
            steps=self._stats.steps + 1,
            generated_tokens=self._stats.generated_tokens + sum(len(part.token_ids) for part in told.outputs),
        )
        prompt: tuple[Token, ...] = ()
        if request.prompt_logprobs and told.prompt_logprobs:
            pairs = zip(request.prompt, told.prompt_logprobs, strict=True)
            prompt = tuple(_token(token, known, request.logprobs) for token, known in pairs)
        events = []
        for part in told.outputs:
            known = part.logprobs or [None] * len(part.token_ids)
            tokens = tuple(_token(token, of, request.logprobs) for token, of in zip(part.token_ids, known, strict=True))
            finish = FINISHES.get(part.finish_reason, Finish.ERROR) if part.finish_reason else None
            stopped_by = tokens[-1].id if finish is Finish.STOP and tokens else None
            message = "" if finish is not Finish.ERROR else f"vLLM ended it by {part.finish_reason!r}"
            events.append(StepEvent(part.index, self._stats.steps, tokens, finish, stopped_by, prompt, message))
        return events


def _token(token: int, known: Any, most: int | None) -> Token:
    """A token with the logprobs that vLLM tells: by token, with its rank, the chosen one always among them."""
    if known is None or most is None:
        return Token(token)
    ranked = sorted(known.items(), key=lambda pair: -pair[1].logprob)
    return Token(token, known[token].logprob, tuple((other, of.logprob) for other, of in ranked[:most]))
