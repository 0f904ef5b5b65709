"""Facts and what was found of them, as a page. Plays nothing."""

import json
from collections.abc import Iterable, Mapping

from conformance.clientfuzz.clients import CLIENTS

from .measured import FACTS, Fact
from .playing import Said
from .streams import STREAMS

UNFINISHED = (
    "the last line, cut inside its JSON, is a line to it, and the loop's `json.loads` raises: louder than measured"
)
WHY: dict[tuple[str, str], str] = {
    ("httpx-lines", "cut-mid-event"): UNFINISHED,
    ("aiohttp-lines", "cut-mid-event"): UNFINISHED,
    ("openai-node-helper", "index-string"): "what was silent then is not on record; text and finish_reason are whole",
}
"""By client and stream: why what was measured once is not found again."""

HEAD = """# What was measured of clients, looked for again

Made by `python -m tests.clientfuzz.facts FOLDER > docs/clients/facts.md`. Each sentence was measured of these versions
before this suite could try clients; each is looked for again with streams written by hand
(`tests/clientfuzz/facts/streams.py`), which nothing of the suite makes or judges. What the suite itself says of the
clients: [the matrix](matrix.md).

`ok`: all that was sent, and no error. `E`: an error. `S`: no error, and something else than was sent.
"""

NOT_LOOKED_FOR = """
Not looked for here: what takes several choices (the adapters ask for one), bodies that are compressed and cut, chunks
of HTTP whose sizes are wrong, pings without end, and how fast clients read."""


def found(made: str, said: Said, stream: str) -> bool:
    """Whether a client still makes of a stream what it was measured to."""
    letter, _, rest = made.partition(" ")
    late = rest == "late"
    text = json.dumps(said.line, separators=(", ", ": "))
    return letter == said.letter(STREAMS[stream]) and (late == said.waited if late else rest in text)


def text(facts: Iterable[Fact], said: Mapping[str, Mapping[str, Said]]) -> str:
    """The page."""
    cells = [
        (fact, stream, client, made, said[client][stream])
        for fact in facts
        for stream, row in fact.shown.items()
        for client, made in row.items()
    ]
    again = [cell for cell in cells if found(cell[3], cell[4], cell[1])]
    lines = [HEAD, f"**{len(again)} of {len(cells)} cells are found again**, in {_versions(said)}.\n"]
    lines += ["| fact | streams | cells | found again |", "|---|---|---|---|"]
    for fact in facts:
        mine = [cell for cell in cells if cell[0] is fact]
        good = sum(cell in again for cell in mine)
        names = list(fact.shown)
        shown = ", ".join(f"`{name}`" for name in names[:4]) + (f" and {len(names) - 4} more" if names[4:] else "")
        mark = "all" if good == len(mine) else f"**all but {len(mine) - good}**"
        lines.append(f"| {fact.says} | {shown} | {len(mine)} | {mark} |")
    missing = [cell for cell in cells if cell not in again]
    if missing:
        lines += ["\n## Not found again\n", "| client | stream | measured | found | why |", "|---|---|---|---|---|"]
        for _, stream, client, made, one in missing:
            why = WHY.get((client, stream), "?")
            lines.append(f"| {client} | `{stream}` | `{made}` | {_shown(one, stream)} | {why} |")
    lines.append(NOT_LOOKED_FOR)
    return "\n".join([*lines, "\n## The table of scenarios\n", *_scenarios(said), ""])


def _scenarios(said: Mapping[str, Mapping[str, Said]]) -> list[str]:
    """What five clients make of each stream, as found now."""
    names = [client.name for client in CLIENTS if client.name in FACTS[-2].shown["no-done"]]
    lines = [f"| stream | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for stream in FACTS[-2].shown:
        row = [said[name][stream].letter(STREAMS[stream]) if stream in said[name] else "" for name in names]
        lines.append(f"| `{stream}` | {' | '.join('**S**' if one == 'S' else one for one in row)} |")
    return lines


def _versions(said: Mapping[str, Mapping[str, Said]]) -> str:
    packages = dict.fromkeys(client.packages[0].replace("==", " ") for client in CLIENTS if client.name in said)
    return ", ".join(packages)


def _shown(said: Said, stream: str) -> str:
    line = {name: value for name, value in said.line.items() if name in ("text", "finish_reason", "error") and value}
    shown = json.dumps(line)[:160].replace("|", "\\|").replace("`", "'")
    return f"{said.letter(STREAMS[stream])}{' late' if said.waited else ''} `{shown}`"
