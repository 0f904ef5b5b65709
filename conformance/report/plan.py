"""What the trials of a run are going to take, in words, before they begin. Renders; measures nothing."""

from conformance.probes.trials.running import Plan


def said_of(plan: Plan, target: str, *, virtual: bool = False) -> str:
    """How many trials, how long, how many tokens; who watches, or why nobody does. `virtual` time is not waited for."""
    parts = ", ".join(dict.fromkeys(trial.part.value for trial in plan.trials))
    count = "1 trial follows" if len(plan.trials) == 1 else f"{len(plan.trials)} trials follow"
    if virtual:
        took = f"{_time(plan.seconds)} of virtual time, which passes in a few"
        return f"{target}: {count} ({parts}), in memory: {took}; --profile quick leaves them out"
    healthy = f"about {_time(plan.seconds)} and {plan.tokens:,} tokens"
    worst = f"up to {_time(plan.seconds_at_worst)} and {plan.tokens_at_worst:,} tokens where the server never stops"
    watched = f"watched by {plan.observer}" if plan.observer else f"nobody watches the server: {plan.blind}"
    return f"{target}: {count} ({parts}): {healthy}, {worst}; --profile quick leaves them out\n{watched}"


def _time(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{seconds / 60:.0f} min"
