"""What a step's draws do to the sequences: tokens are added, prompts done, ends found. Knows no thread, no tensor."""

from .events import Finish, StepEvent, Token
from .scheduler import Scheduler
from .sequence import Drawn, Plan, Sequence, Work


def advance(
    scheduler: Scheduler, plan: Plan, drawn: list[Drawn], step: int, stop_tokens: frozenset[int]
) -> list[tuple[Sequence, StepEvent]]:
    """The events of a step, one for each sequence that has something to tell. Those that ended have left."""
    events = []
    for work, result in zip(plan.works, drawn, strict=True):
        sequence = work.sequence
        if sequence.ended:  # aborted while the step was in flight: what it gave is dropped
            continue
        sequence.computed = work.start + work.count
        sequence.prompt.extend(result.prompt)
        if sequence.followers and sequence.computed >= sequence.prompt_length - scheduler.limits.constant:
            scheduler.prompt_done(sequence)
        event = _event(work, result, step, stop_tokens)
        if event is None:
            continue
        events.append((sequence, event))
        if event.finish is not None:
            scheduler.leave(sequence)
    return events


def _event(work: Work, result: Drawn, step: int, stop_tokens: frozenset[int]) -> StepEvent | None:
    """What a sequence has to tell after its part in a step."""
    sequence = work.sequence
    if result.message:
        return StepEvent(sequence.choice, step, finish=Finish.ERROR, message=result.message)
    if not work.draws:
        return None
    told = _prompt(sequence) if not sequence.replied else ()
    token = result.token
    if token is None:
        return StepEvent(sequence.choice, step, finish=Finish.STOP, prompt=told)
    sequence.tokens.append(token.id)
    if (wrong := _guided(sequence, token)) is not None:
        return StepEvent(sequence.choice, step, (token,), Finish.ERROR, prompt=told, message=wrong)
    request = sequence.request
    stops = token.id in request.stop_tokens or (token.id in stop_tokens and not request.ignore_eos)
    if stops and sequence.replied > request.min_tokens:
        return StepEvent(sequence.choice, step, (token,), Finish.STOP, stopped_by=token.id, prompt=told)
    finish = Finish.LENGTH if sequence.replied >= request.max_tokens else None
    return StepEvent(sequence.choice, step, (token,), finish, prompt=told)


def _prompt(sequence: Sequence) -> tuple[Token, ...]:
    """The tokens of the prompt with their logprobs, if those were asked for; nothing comes before the first."""
    if not sequence.request.prompt_logprobs:
        return ()
    return (Token(sequence.tokens[0]), *sequence.prompt)


def _guided(sequence: Sequence, token: Token) -> str | None:
    """What a guide has against the token that was drawn by its own mask; None where nothing."""
    if sequence.guide is None:
        return None
    try:
        sequence.guide.accept(token.id)
    except Exception as error:  # noqa: BLE001 - the fault of one guide is not the fault of all
        return f"the guide failed: {error!r}"
    return None
