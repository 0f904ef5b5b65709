"""The interface of engines, shown on the scripted one: streams, ends, aborts, memory, guides, death."""

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import EngineDead, Overloaded
from mockserver.engines.decoding.request import Refused, Sampling, TokenRequest
from mockserver.engines.decoding.scheduler import Limits
from mockserver.engines.decoding.scripted import ScriptedStepper, scripted
from mockserver.engines.decoding.sequence import Plan
from mockserver.engines.decoding.stepping import Patience, SteppingEngine

END = 1
VOCABULARY = 64


def count_up(request: TokenRequest, choice: int) -> list[int]:
    return [2 + (sum(request.prompt) + choice + place) % (VOCABULARY - 2) for place in range(request.prompt[0])]


def stepper(**kwargs: object) -> ScriptedStepper:
    info = scripted(count_up, vocabulary=VOCABULARY, stop_token=END).info
    return replace(ScriptedStepper(count_up, info), **kwargs)  # type: ignore[arg-type]


def ask(name: str = "a", *prompt: int, **kwargs: object) -> TokenRequest:
    return TokenRequest(**({"id": name, "prompt": prompt or (5, 3), "max_tokens": 32} | kwargs))  # type: ignore[arg-type]


def with_engine(made: ScriptedStepper, use: Callable[[SteppingEngine], Awaitable[None]], **patience: int) -> None:
    async def all_of_it() -> None:
        engine = SteppingEngine(made, Patience(**patience))
        await engine.start()
        try:
            await asyncio.wait_for(use(engine), 60)
        finally:
            await engine.stop()

    asyncio.run(all_of_it())


async def read(engine: SteppingEngine, request: TokenRequest) -> list[StepEvent]:
    return [event async for event in engine.submit(request)]


def ids(events: list[StepEvent], choice: int = 0) -> list[int]:
    return [token.id for event in events if event.choice == choice for token in event.tokens]


def test_a_reply_is_the_script_and_the_stop_token() -> None:
    async def use(engine: SteppingEngine) -> None:
        events = await read(engine, ask())
        assert [10, 11, 12, 13, 14, END] == ids(events)
        assert [None] * 5 + [Finish.STOP] == [event.finish for event in events]
        assert END == events[-1].stopped_by
        assert (0, 0, 0) == (engine.stats().blocks_used, engine.stats().running, engine.stats().waiting)

    with_engine(stepper(), use)


def test_max_tokens_ends_a_reply_by_length_and_the_stop_token_counts() -> None:
    async def use(engine: SteppingEngine) -> None:
        assert ([10, 11], Finish.LENGTH) == _end(await read(engine, ask(max_tokens=2)))
        assert ([10, 11, 12, 13, 14, END], Finish.STOP) == _end(await read(engine, ask(max_tokens=6)))

    with_engine(stepper(), use)


def test_a_stop_token_may_be_asked_for_ignored_or_too_early() -> None:
    async def use(engine: SteppingEngine) -> None:
        assert ([10, 11, 12], Finish.STOP) == _end(await read(engine, ask(stop_tokens=frozenset({12}))))
        assert Finish.LENGTH is _end(await read(engine, ask(ignore_eos=True)))[1]
        early = await read(engine, ask(stop_tokens=frozenset({10, 13}), min_tokens=2))
        assert ([10, 11, 12, 13], Finish.STOP) == _end(early)

    with_engine(stepper(), use)


def test_choices_are_told_apart_and_share_the_blocks_of_the_prompt() -> None:
    seen: list[tuple[int, int]] = []

    async def use(engine: SteppingEngine) -> None:
        seen.append((0, 0))
        events = await read(engine, ask("a", 4, *[7] * 99, choices=3))
        assert 3 == sum(event.finish is Finish.STOP for event in events)
        for choice in range(3):
            assert [*count_up(ask("a", 4, *[7] * 99), choice), END] == ids(events, choice)
        most = max(used for used, _ in seen)
        assert 7 + 2 * 1 <= most <= 7 + 2 * 2  # three times by themselves would be 21
        assert 0 == engine.stats().blocks_used

    def look(plan: Plan) -> None:
        held = {block for work in plan.works for block in work.sequence.blocks}
        seen.append((len(held), len(plan.works)))

    with_engine(stepper(before=look), use)


@pytest.mark.parametrize("limits", [Limits(), Limits(constant=True), Limits(chunk=5, rows=3)])
def test_what_is_not_enough_for_all_is_enough_for_each_and_nothing_leaks(limits: Limits) -> None:
    chances = random.Random(7)

    async def use(engine: SteppingEngine) -> None:
        asked = []
        for number in range(300):
            prompt = (chances.randrange(1, 60), *[chances.randrange(2, 60)] * chances.randrange(40))
            asked.append(ask(f"{number}", *prompt, max_tokens=60, choices=chances.choice((1, 1, 1, 2, 4))))
        replies = await asyncio.gather(*(read(engine, request) for request in asked))
        for request, events in zip(asked, replies, strict=True):
            for choice in range(request.choices):
                assert [*count_up(request, choice), END][:60] == ids(events, choice)
        assert 0 < engine.stats().preempted
        assert (0, 0, 0) == (engine.stats().blocks_used, engine.stats().running, engine.stats().waiting)
        assert sum(request.choices for request in asked) == engine.stats().finished

    with_engine(stepper(blocks=26, block_size=4, limits=limits), use, waiting=10_000)


def test_an_aborted_request_takes_no_step_after_the_one_in_flight_and_has_one_end() -> None:
    in_step, go_on = threading.Event(), threading.Event()
    plans: list[Plan] = []

    def hold(plan: Plan) -> None:
        plans.append(plan)
        if len(plans) == 3:
            in_step.set()
            assert go_on.wait(60)

    async def use(engine: SteppingEngine) -> None:
        stream = engine.submit(ask("a", 50, 2))
        other = asyncio.create_task(read(engine, ask("b", 20, 2)))
        await asyncio.to_thread(in_step.wait, 60)
        engine.abort("a")
        engine.abort("a")
        engine.abort("nobody")
        go_on.set()
        events = [event async for event in stream]
        assert Finish.ABORTED is events[-1].finish
        assert 1 == sum(event.finish is not None for event in events)
        assert 3 == max(number for number, plan in enumerate(plans, 1) if _has(plan, "a"))
        assert 21 == len(ids(await other))
        assert (0, 1) == (engine.stats().blocks_used, engine.stats().aborted)

    with_engine(stepper(before=hold), use)


def test_who_waits_is_aborted_too_and_a_single_choice_can_be() -> None:
    async def use(engine: SteppingEngine) -> None:
        first = engine.submit(ask("a", 60, 2, choices=2, max_tokens=3000, ignore_eos=True))
        second = engine.submit(ask("b"))
        engine.abort("b")
        assert [Finish.ABORTED] == [event.finish async for event in second if event.finish]
        engine.abort("a", 0)
        ended = [event.choice async for event in first if event.finish is Finish.ABORTED or event.step > 2000]
        assert 0 == ended[0]
        await first.aclose()

    with_engine(stepper(limits=Limits(rows=2)), use)


def test_leaving_a_stream_aborts_its_request() -> None:
    async def use(engine: SteppingEngine) -> None:
        stream = engine.submit(ask("a", 5, 2, max_tokens=3000, ignore_eos=True))
        async for _ in stream:
            break
        await stream.aclose()
        assert Finish.ABORTED is [event async for event in stream][-1].finish
        assert 0 == engine.stats().blocks_used

    with_engine(stepper(), use)


def test_a_reader_who_does_not_read_is_aborted() -> None:
    async def use(engine: SteppingEngine) -> None:
        stream = engine.submit(ask("a", 5, 2, max_tokens=3000, ignore_eos=True))
        await read(engine, ask("b", 50, 2, max_tokens=60))
        events = [event async for event in stream]
        assert Finish.ABORTED is events[-1].finish
        assert "unread" in events[-1].message

    with_engine(stepper(), use, unread=10)


class OnlyEven:
    """Lets even tokens come, four of them, then nothing."""

    def __init__(self, choice: int) -> None:
        self.came: list[int] = []

    def mask(self, step: int) -> object:
        np = pytest.importorskip("numpy")
        allowed = np.zeros(VOCABULARY, dtype=bool)
        allowed[2::2] = step < 4
        return allowed

    def accept(self, token: int) -> None:
        self.came.append(token)


class InBits(OnlyEven):
    def mask(self, step: int) -> object:
        np = pytest.importorskip("numpy")
        return np.packbits(super().mask(step), bitorder="little").view(np.int32)


@pytest.mark.parametrize("guide", [OnlyEven, InBits])
def test_a_guide_decides_what_may_come_and_when_it_is_over(guide: type[OnlyEven]) -> None:
    async def use(engine: SteppingEngine) -> None:
        events = await read(engine, ask("a", 9, 1, guide=guide))
        assert ([12, 2, 14, 2], Finish.STOP) == _end(events)
        assert None is events[-1].stopped_by

    with_engine(stepper(), use)


class Broken(OnlyEven):
    def mask(self, step: int) -> object:
        if step == 2:
            raise ValueError("no such rule")
        return None


def test_a_guide_that_fails_ends_its_own_choice_only() -> None:
    async def use(engine: SteppingEngine) -> None:
        wrong, right = await asyncio.gather(read(engine, ask("a", guide=Broken)), read(engine, ask("b")))
        assert (2, Finish.ERROR) == (len(ids(wrong)), wrong[-1].finish)
        assert "no such rule" in wrong[-1].message
        assert Finish.STOP is right[-1].finish

    with_engine(stepper(), use)


def test_logprobs_come_as_asked_for_those_of_the_prompt_in_the_first_event() -> None:
    async def use(engine: SteppingEngine) -> None:
        events = await read(engine, ask("a", 5, 2, 3, logprobs=2, prompt_logprobs=True))
        assert [5, 2, 3] == [token.id for token in events[0].prompt]
        assert [None, 2, 2] == [token.logprob and len(token.top) for token in events[0].prompt]
        assert all(event.tokens[0].top[0][0] == event.tokens[0].id for event in events)
        assert () == events[1].prompt

    with_engine(stepper(limits=Limits(chunk=1)), use)


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, SystemExit, BaseException])
def test_death_of_the_engine_is_an_error_on_every_stream_and_for_whoever_comes_later(kind: type[BaseException]) -> None:
    def fail(plan: Plan) -> None:
        if len(plan.works) == 2:
            raise kind("out of memory")

    async def use(engine: SteppingEngine) -> None:
        endless = {"max_tokens": 3000, "ignore_eos": True}  # so that neither is over before the other begins
        replies = await asyncio.gather(*(read(engine, ask(name, 5, 2, **endless)) for name in "ab"))
        assert [Finish.ERROR, Finish.ERROR] == [events[-1].finish for events in replies]
        assert all("out of memory" in events[-1].message for events in replies)
        assert "out of memory" in engine.stats().dead
        with pytest.raises(EngineDead, match="out of memory"):
            engine.submit(ask("c"))

    with_engine(stepper(before=fail), use)


def test_an_engine_that_is_stopped_says_so_and_one_that_drains_ends_what_it_began() -> None:
    async def use(engine: SteppingEngine) -> None:
        stream = engine.submit(ask())
        await engine.stop(drain=True)
        assert Finish.STOP is [event async for event in stream][-1].finish
        with pytest.raises(EngineDead, match="stopped"):
            engine.submit(ask("b"))

    async def at_once(engine: SteppingEngine) -> None:
        stream = engine.submit(ask("a", 5, 2, max_tokens=3000, ignore_eos=True))
        await engine.stop()
        assert Finish.ERROR is [event async for event in stream][-1].finish

    with_engine(stepper(), use)
    with_engine(stepper(), at_once)


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"prompt": ()}, "prompt"),
        ({"prompt": (VOCABULARY,)}, "prompt"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"choices": 0}, "n"),
        ({"logprobs": 21}, "logprobs"),
        ({"prompt_logprobs": True}, "logprobs"),
        ({"sampling": Sampling(temperature=-1)}, "temperature"),
        ({"sampling": Sampling(temperature=float("nan"))}, "temperature"),
        ({"sampling": Sampling(temperature=float("inf"))}, "temperature"),
        ({"sampling": Sampling(top_p=1.1)}, "top_p"),
        ({"sampling": Sampling(logit_bias={64: 1})}, "logit_bias"),
        ({"sampling": Sampling(logit_bias={1: 101})}, "logit_bias"),
    ],
)
def test_a_request_that_cannot_be_done_is_refused_and_says_which_part(wrong: dict[str, object], parameter: str) -> None:
    async def use(engine: SteppingEngine) -> None:
        with pytest.raises(Refused) as caught:
            engine.submit(ask(**wrong))
        assert parameter == caught.value.parameter

    with_engine(stepper(), use)


def test_what_never_fits_into_the_memory_is_refused_and_too_many_at_once_are_turned_away() -> None:
    async def use(engine: SteppingEngine) -> None:
        with pytest.raises(Refused, match="memory"):
            engine.submit(ask(max_tokens=100))
        with pytest.raises(Overloaded):
            engine.submit(ask(choices=6))
        await read(engine, ask(choices=5))

    with_engine(stepper(blocks=4), use, waiting=5)


def _end(events: list[StepEvent]) -> tuple[list[int], Finish | None]:
    return ids(events), events[-1].finish


def _has(plan: Plan, name: str) -> bool:
    return any(work.sequence.request.id == name for work in plan.works)
