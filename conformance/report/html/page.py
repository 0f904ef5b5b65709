"""Columns to one HTML file that works from disk. Judges nothing, reads nothing but its own templates.

Whatever comes from a target goes through `shorten` and the template engine's escaping, or into packed data that the
page shows as text. A content security policy lets the file load nothing and run nothing but what is written here.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from conformance.protocols.finding import shorten
from conformance.report import machine
from conformance.report.comparing import Change
from conformance.report.figures import seconds
from conformance.report.ranking import AUTHORITIES, troubles_of
from conformance.verdicts import BY_WEIGHT

from .columns import Column
from .findings import DETAILS, Detail, Kinds, characters_of, kinds_of, spans_of, told_of
from .matrix import Row, rows_of, sources_of
from .packing import pack
from .summary import headline_of, summary_of
from .wire import Span, times_of, wire_of

SCRIPTS = ("visible", "pointer", "wire", "plot", "detail", "matrix", "start")
"""In the order in which they need each other."""
LONGEST = 600
"""Characters of a text that stands in the page itself."""
WORST = 12
"""Troubles that stand at the top."""
TOLD = 2_500_000
"""Characters that the findings may take, packed."""
SHOWN = 5_000_000
"""Characters that the exchanges may take, packed, over all targets."""
LIMITS = (64_000, 16_000, 4_000, 1_000, 0)
"""Bytes of an exchange that are kept without a second thought, from generous to none."""


def render(columns: Sequence[Column], *, against: str = "") -> str:
    """The page. `against` names the earlier report that the columns were compared with."""
    rows = rows_of(columns)
    kinds = [kinds_of(column) for column in columns]
    detail, told = _told(columns, kinds, rows)
    summaries = [summary_of(column) for column in columns]
    troubles = troubles_of([column.target for column in columns])
    style, script, plot = _asset("page.css"), _script(), f"/*\n{_asset('uplot.LICENSE')}*/\n{_asset('uplot.min.js')}"
    return _template().render(
        columns=columns,
        rows=rows,
        features=list(dict.fromkeys(row.feature for row in rows)),
        authorities=[name for name in AUTHORITIES if any(row.authority == name for row in rows)],
        verdicts=[verdict.value for verdict in BY_WEIGHT],
        changes=[change.value for change in Change] if against else [],
        summaries=summaries,
        timed=any(summary.first_content is not None for summary in summaries),
        left=any(summary.cancellation for summary in summaries),
        headline=headline_of(columns, troubles),
        troubles=troubles[:WORST],
        more=max(0, len(troubles) - WORST),
        numbers={row.id: row.number for row in rows},
        against=against,
        suite=machine.suite(),
        told=Markup(pack(told)),  # noqa: S704 - letters and digits
        wires=[Markup(text) for text in _wires(columns, kinds, detail)],  # noqa: S704
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        plot=Markup(plot),  # noqa: S704
        hashes=[_hash(text) for text in (style, script, plot)],
    )


def _told(columns: Sequence[Column], kinds: Sequence[Kinds], rows: Sequence[Row]) -> tuple[Detail, dict[str, Any]]:
    """What is told once a rule is opened: as much of it as there is room for."""
    ids = [row.id for row in rows]
    told: dict[str, Any] = {
        "columns": [{"name": _shown(column.name), "again": _shown(column.target.again)} for column in columns],
        "rules": [
            {
                "id": _shown(row.id),
                "level": _shown(row.level),
                "authority": _shown(row.authority),
                "says": _shown(row.says),
                "sources": sources_of(row.id),
            }
            for row in rows
        ],
    }
    for detail in DETAILS:
        last = detail is DETAILS[-1]
        if not last and characters_of(kinds, detail) > 4 * TOLD:
            continue
        told["cells"] = told_of(columns, kinds, ids, detail)
        if last or len(pack(told["cells"])) < TOLD:
            break
    return detail, told


def _wires(columns: Sequence[Column], kinds: Sequence[Kinds], detail: Detail) -> list[str]:
    """The exchanges of each column, packed: as much of them as there is room for."""
    packed: list[str] = []
    spans = [spans_of(column, alike, detail) for column, alike in zip(columns, kinds, strict=True)]
    for limit in LIMITS:
        packed = [pack(_exchanges(column, found, limit)) for column, found in zip(columns, spans, strict=True)]
        if sum(map(len, packed)) < SHOWN:
            break
    return packed


def _exchanges(column: Column, spans: Mapping[str, Sequence[Span]], limit: int) -> dict[str, Any]:
    """Exchanges in which something was found with their bytes, the others with their times alone."""
    with_others = {
        beside.probe for probe in spans if (found := column.exchanges.get(probe)) and (beside := found.beside)
    }
    return {
        probe: wire_of(exchange, spans.get(probe, ()), limit)
        if limit and (probe in spans or probe in with_others)
        else times_of(exchange)
        for probe, exchange in column.exchanges.items()
    }


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("conformance.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["seconds"] = lambda value: "" if value is None else seconds(value)
    return environment.get_template("page.html.j2")


def _shown(value: Any) -> Any:
    """Text as it may stand in the page: bounded, and nothing in it turns the text around or hides."""
    return shorten(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value


def _script() -> str:
    return "\n".join(['"use strict";', *(_asset(f"{name}.js") for name in SCRIPTS)])


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    """A source of a content security policy: this text and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
