"""The numbers that servers tell Prometheus: how many requests run, how many tokens were made."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.probes.bench import Sleep
from conformance.probes.performing import Stage

from .expression import Expression
from .fetching import beside, fetch
from .gauge import Gauge
from .looking import Reading

PATH = "/metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where a server says what it does."""

    running: Expression
    """Requests at work; the first term has to be there."""
    waiting: Expression | None = None
    """Requests that wait, where that is told."""
    produced: tuple[Expression, ...] = ()
    """Tokens made: the first of these that is there. Whether they are counted as they are made is found out."""
    at_end: bool = False
    """Tokens are counted when their request ends, also where its client has left."""
    stale: bool = False
    """The numbers are brought up to date only while the server works."""


KNOWN = (
    Metrics(
        running=Expression("vllm:num_requests_running"),
        waiting=Expression("vllm:num_requests_waiting"),
        produced=(Expression("vllm:generation_tokens_total"),),
    ),
    # Written every 40 steps of decoding, and when idle every 30 s; generation_tokens_total counts finished requests.
    Metrics(
        running=Expression("sglang:num_running_reqs"),
        waiting=Expression("sglang:num_queue_reqs"),
        produced=(
            Expression('sglang:realtime_tokens_total{mode="decode"}'),
            Expression("sglang:generation_tokens_total"),
        ),
        stale=True,
    ),
    Metrics(
        running=Expression("llamacpp:requests_processing"),
        waiting=Expression("llamacpp:requests_deferred"),
        produced=(Expression("llamacpp:tokens_predicted_total"),),
        at_end=True,
    ),
    Metrics(running=Expression("tgi_batch_current_size"), waiting=Expression("tgi_queue_size")),
    Metrics(
        running=Expression("streamspec_requests_running"),
        waiting=Expression("streamspec_requests_waiting"),
        produced=(Expression("streamspec_tokens_generated_total"),),
    ),
)
"""Of servers whose metrics are known, in the order they are looked for."""


def prometheus(stage: Stage, sleep: Sleep, *, url: str = "", running: str = "", produced: str = "") -> Gauge:
    """An observer of the metrics at `url`, the server's own if that is empty; of known names where none are given.

    Raises ValueError for a name that is none.
    """
    where = url or beside(stage.endpoint.url, PATH)
    known: Sequence[Metrics] = KNOWN
    if running:
        known = (Metrics(running=Expression(running), produced=(Expression(produced),) if produced else ()),)

    async def read() -> Reading | str:
        page = await fetch(stage, where)
        if page.trouble:
            return page.trouble
        found = _reading(page.text, known)
        if found is None:
            wanted = running or "a metric of running requests that is known here"
            return f"{page.url} has no number for {wanted}"
        reading, metrics = found
        gauge.stale, gauge.at_end = metrics.stale, metrics.at_end
        return reading

    says = f"{running or 'the running requests'} at {where}"
    gauge = Gauge(name="prometheus", says=says, read=read, clock=stage.clock, sleep=sleep)
    return gauge


def _reading(document: str, known: Sequence[Metrics]) -> tuple[Reading, Metrics] | None:
    """What a document says in the words of the first server that it could be of, and whose those are."""
    for metrics in known:
        running = metrics.running.value(document)
        if running is None:
            continue
        waiting = metrics.waiting.value(document) if metrics.waiting else None
        counted = (counter.value(document) for counter in metrics.produced)
        made = next((value for value in counted if value is not None), None)
        shown = f"{running:g}" + (f" and {waiting:g} waiting" if waiting else "")
        return Reading(running + (waiting or 0.0), made, metrics.running.text, shown), metrics
    return None
