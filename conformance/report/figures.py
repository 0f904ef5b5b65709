"""How fast a target is, in figures and in characters: quantiles, a histogram of gaps, the timeline of one stream.

Measures nothing and judges nothing. Everything is drawn with characters of different height, so that it can be read
without colours; `Figures` has the numbers for whoever draws better.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil, log10
from typing import Any

from conformance.protocols.overlap import most_at_once
from conformance.verdicts import Timing

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 48
"""Columns of a timeline."""
BINS = 24
"""Of a histogram of gaps, each of them so many times as wide as the one before."""
ALONE = "pace"
"""The trial whose streams have the target to themselves and are all alike."""
TOGETHER = "side-by-side"
"""The trial whose streams are asked for at the same time."""
SHOWN = 1000
"""Arrival times that a report holds of one stream."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over many exchanges or gaps, in its own unit."""

    p50: float
    p95: float
    max: float
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many gaps there are of each length: `counts[n]` lie between `edges[n]` and `edges[n + 1]` seconds."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The times of a run; None where nothing of the kind was measured."""

    streams: int
    """On which they were measured."""
    alone: bool
    """Whether those had the target to themselves."""
    headers: Spread | None
    """Seconds to the response head."""
    first_message: Spread | None
    first_content: Spread | None
    gap: Spread | None
    """Seconds between two pieces of an answer; 0 for pieces that came together."""
    time_per_token: Spread | None
    """Seconds from the first piece to the last, for each token after the first."""
    tokens_per_second: Spread | None
    gaps: Histogram | None
    longest: str
    """The probe of the stream with the most pieces."""
    arrivals: tuple[float, ...]
    """When its pieces came."""
    together: int
    """How many streams came at the same time, of those that were asked for at the same time; 0: cannot be told."""
    together_asked: int
    """How many were asked for at the same time."""


def figures_of(timings: Sequence[Timing]) -> Figures | None:
    """The figures of a run, None where no stream came."""
    streams = [timing for timing in timings if timing.status == 200 and timing.arrivals]
    if not streams:
        return None
    alone = [timing for timing in streams if timing.probe.partition("/")[0] == ALONE]
    chosen = alone or streams
    gaps = [gap for timing in chosen for gap in gaps_of(timing)]
    longest = max(chosen, key=lambda timing: len(timing.arrivals))
    crowd = [t.arrivals for t in timings if t.probe.startswith(f"{TOGETHER}/") and not t.probe.endswith("/alone")]
    return Figures(
        streams=len(chosen),
        alone=bool(alone),
        headers=spread([t.headers for t in chosen if t.headers is not None]),
        first_message=spread([t.first_message for t in chosen if t.first_message is not None]),
        first_content=spread([t.first_content for t in chosen if t.first_content is not None]),
        gap=spread(gaps),
        time_per_token=spread([pace for t in chosen if (pace := time_per_token(t))]),
        tokens_per_second=spread([1 / pace for t in chosen if (pace := time_per_token(t))]),
        gaps=histogram(gaps),
        longest=longest.probe,
        arrivals=_sampled(longest.arrivals),
        together=most_at_once(crowd),
        together_asked=len(crowd),
    )


def gaps_of(timing: Timing) -> list[float]:
    """Seconds between the pieces of an answer."""
    return [other - one for one, other in pairwise(timing.arrivals)]


def time_per_token(timing: Timing) -> float | None:
    """Seconds for each token after the first, None where there is no second, or all came together."""
    took = timing.arrivals[-1] - timing.arrivals[0] if timing.arrivals else 0.0
    return took / (timing.tokens - 1) if took > 0 and timing.tokens > 1 else None


def spread(values: Sequence[float]) -> Spread | None:
    """The middle, the value that 95 of 100 do not exceed, and the greatest."""
    if not values:
        return None
    ordered = sorted(values)
    p50, p95 = (ordered[ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Spread(p50, p95, ordered[-1], len(ordered))


def histogram(gaps: Sequence[float]) -> Histogram | None:
    """Gaps in bins that grow with them, since they range from microseconds to seconds; None where there are none."""
    seen = [gap for gap in gaps if gap > 0]
    if not seen:
        return None
    low, high = log10(min(seen)), log10(max(seen))
    step = max(high - low, 0.01) / BINS
    counts = [0] * BINS
    for gap in seen:
        counts[min(BINS - 1, int((log10(gap) - low) / step))] += 1
    return Histogram(tuple(10 ** (low + n * step) for n in range(BINS + 1)), tuple(counts))


def bars(counts: Sequence[int]) -> str:
    """A character for each number: a space for nothing, and the higher the more."""
    most = max(counts, default=0)
    return "".join(BARS[ceil(count * len(BARS) / most) - 1] if count else " " for count in counts)


def timeline(arrivals: Sequence[float], width: int = WIDTH) -> str:
    """What came when: a character for each stretch of time from the request to the last piece."""
    end = max(arrivals, default=0.0)
    counts = [0] * width
    for at in arrivals:
        counts[min(width - 1, int(at / end * width)) if end > 0 else 0] += 1
    return bars(counts)


def lines_of(figures: Figures) -> list[str]:
    """The figures as text."""
    where = f"{figures.streams} streams, one at a time" if figures.alone else f"{figures.streams} streams, side by side"
    rows = (
        ("headers", figures.headers),
        ("first event", figures.first_message),
        ("first content", figures.first_content),
        ("gap", figures.gap),
        ("per token", figures.time_per_token),
    )
    lines = [f"timing         {'p50':>9} {'p95':>9} {'max':>9}   {where}"]
    lines += [
        f"  {name:<13}{seconds(found.p50):>9} {seconds(found.p95):>9} {seconds(found.max):>9}"
        for name, found in rows
        if found is not None
    ]
    if figures.tokens_per_second is not None:
        lines.append(f"  {figures.tokens_per_second.p50:.0f} tokens/s")
    if figures.together:
        lines.append(f"  {figures.together} streams at a time, of {figures.together_asked} asked for at once")
    if (gaps := figures.gaps) is not None:
        lines.append(f"  gaps   {seconds(gaps.edges[0]):>7} |{bars(gaps.counts)}| {seconds(gaps.edges[-1])}")
    if len(figures.arrivals) > 1:
        end = f"{seconds(figures.arrivals[-1])}   {figures.longest}"
        lines.append(f"  pieces {'0':>7} |{timeline(figures.arrivals)}| {end}")
    return lines


def seconds(value: float) -> str:
    """A time in a few characters."""
    if value >= 0.9995:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.00995 or value == 0 else f"{value * 1000:.1f} ms"


def as_json(figures: Figures) -> dict[str, Any]:
    """The figures as JSON values, with times to the microsecond."""
    members = asdict(figures)
    return {name: _rounded(value) for name, value in members.items()}


def exchange_as_json(timing: Timing) -> dict[str, Any]:
    """The times of one exchange as JSON values."""
    gap = spread(gaps_of(timing))
    members = {name: value for name, value in asdict(timing).items() if name != "arrivals"}
    members |= {"gap": asdict(gap) if gap else None, "time_per_token": time_per_token(timing)}
    return {name: _rounded(value) for name, value in members.items()}


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6)
        case dict():
            return {name: _rounded(member) for name, member in value.items()}
        case list() | tuple():
            return [_rounded(member) for member in value]
        case _:
            return value


def _sampled(arrivals: Sequence[float]) -> tuple[float, ...]:
    """So many of them as a report holds, the last among them."""
    step = ceil(len(arrivals) / SHOWN)
    return tuple(arrivals[::-1][::step][::-1])
