"""What a target does for clients that have left, as a table and as JSON. Renders; decides nothing."""

from dataclasses import asdict
from typing import Any

from conformance.cancellation import Cancellation, Manner, Situation

SAYS = {
    Manner.WATCHER: "a watcher: it stops whether or not it writes",
    Manner.WRITE_DETECTOR: "a write-detector: it stops when it next writes",
    Manner.NEVER: "one that never stops, or not always",
    Manner.UNKNOWN: "of unknown class",
}
HEADINGS = ("client leaves", "by", "stops", "after", "tokens since", "seen by")
SURE = 0.9995


def lines_of(cancellation: Cancellation) -> list[str]:
    """The class in a sentence, then a line for each client that left."""
    sure = f" ({cancellation.sure:.1%} sure)" if 0 < cancellation.sure < SURE else ""
    told = [f"cancellation: {SAYS[cancellation.manner]}{sure}; {cancellation.why}"]
    if all(each.watch.stopped is None for each in cancellation.situations):
        return told
    rows = [HEADINGS, *(_row(each) for each in cancellation.situations)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    table = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [*told, *(f"  {line}".rstrip() for line in table)]


def _row(each: Situation) -> tuple[str, ...]:
    watch = each.watch
    stops = {True: "yes", False: "no", None: "not seen"}[watch.stopped]
    return (
        each.kind,
        each.by.upper() if each.by != "half-close" else "-",
        stops,
        _after(each),
        "-" if watch.produced is None else f"{watch.produced:g}",
        watch.observer or "nobody",
    )


def _after(each: Situation) -> str:
    watch = each.watch
    if watch.stopped is None or watch.by is None:
        return "-"
    if not watch.stopped:
        return f"> {watch.by:.1f} s"
    exact = watch.by - watch.since < 0.01
    return f"{watch.by:.2f} s" if exact else f"{watch.since:.1f}-{watch.by:.1f} s"


def as_json(cancellation: Cancellation) -> dict[str, Any]:
    """The same as JSON values: "cancellation" in schemas/report.json."""
    return {
        "class": cancellation.manner.value,
        "why": cancellation.why,
        "sure": round(cancellation.sure, 6),
        "situations": [
            {"probe": each.probe, "kind": each.kind, "left_by": each.by, "silence": each.silence, **asdict(each.watch)}
            for each in cancellation.situations
        ],
    }
