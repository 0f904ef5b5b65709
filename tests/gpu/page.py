"""What the parts found, as Markdown for docs/reference-server.md. Knows no measurement."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Told = Mapping[str, Any]
CONTENDERS = {"engine": "engine", "generate": "`generate()`", "continuous": "continuous batching"}


def of(parts: Mapping[str, Told]) -> str:
    """The page; a part that is missing is said to be."""
    lines = ["### On a GPU", ""]
    for name, show in SHOWN.items():
        if name not in parts:
            lines += [f"**{name}**: not measured", ""]
            continue
        told = parts[name]
        on = ", ".join(
            value if key == "device" else f"{key} {value}" for key, value in told["machine"].items() if value != "none"
        )
        lines += [f"**{name}** {'holds' if told['holds'] else 'DOES NOT HOLD'} on {on} ({told['seconds']} s):", ""]
        if told["small"]:
            lines += ["Only a trial, with little of everything.", ""]
        lines += ["```", told["failed"].strip(), "```"] if "failed" in told else show(told)
        lines.append("")
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A table."""
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]


def _suite(told: Told) -> list[str]:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in told["verdicts"].items())
    return [f"`streamspec run` on `streamspec serve`: {counts}.", *(f"- {rule}" for rule in told["wrong"])]


def _cancel(told: Told) -> list[str]:
    head = ("mode", "at once", "aborts", "steps after the one in flight", "blocks not free", "neighbours changed", "ms")
    rows = [
        (
            row["mode"],
            row["batch"],
            row["times"],
            row["further_steps_at_most"],
            row["late_blocks"] + row["kept_blocks"],
            f"{row['neighbours_changed']} of {row['neighbours']}",
            f"{row['ms_median']}, at most {row['ms_most']}",
        )
        for row in told["rows"]
    ]
    return table(head, rows)


def _constant(told: Told) -> list[str]:
    head = ("model", "mode", "numbers", "the same to the bit", "the same tokens", "logprobs apart by at most")
    rows = [
        (
            row["shape"],
            row["mode"],
            row["precision"],
            f"{row['same_to_the_bit']} of {row['replies']}",
            row["same_tokens"],
            f"{row['logprobs_apart_at_most']:.1g}",
        )
        for row in told["rows"]
    ]
    return table(head, rows)


def _speed(told: Told) -> list[str]:
    head = ("model", "at once", *CONTENDERS.values(), "floor by memory", "launches", "floor by launches")
    rows = [
        (row["shape"], row["batch"], *(_figure(row[name]) for name in CONTENDERS), *_floors(row))
        for row in told["rows"]
    ]
    says = (
        f"Tokens per second, {told['tokens']} tokens each; memory moves {told['bandwidth'] / 1e9:.0f} GB/s, "
        f"a launch takes {1e6 * told['launch_cost']:.1f} µs."
    )
    failed = {f"{name}: {row[name]['failed']}" for row in told["rows"] for name in CONTENDERS if "failed" in row[name]}
    return [says, "", *table(head, rows), *(f"- {why}" for why in sorted(failed))]


def _figure(told: Told) -> str:
    return f"{told['wall']:.0f}" if "wall" in told else "-"


def _floors(row: Told) -> Iterator[object]:
    """Tokens per second if memory, or launches, were all that a step took; and how many of these there are."""
    yield f"{1e3 * row['batch'] / row['floor_ms']:.0f} ({row['floor_ms']:.3f} ms)"
    yield row["launches"]
    yield f"{1e3 * row['batch'] / row['launch_ms']:.0f} ({row['launch_ms']:.2f} ms)"


SHOWN = {"suite": _suite, "cancel": _cancel, "constant": _constant, "speed": _speed}
