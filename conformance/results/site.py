"""Entries to the files of a static site. Verifies nothing: what is shown has been verified before."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from conformance.certificate import archive
from conformance.certificate.page import environment, page_of
from conformance.certificate.parts import REPORT
from conformance.report.machine import suite
from conformance.verdicts import Verdict

from . import matrix
from .entry import Entry, Refused, State, again

MARK = "site.json"
"""The data of the site, and the sign that a folder is one."""
SYMBOLS = {State.GOOD: "✓", State.WARNED: "~", State.KNOWN: "!", State.BROKEN: "✗", State.NONE: "·"}
ORDER = (Verdict.FAIL, Verdict.UNTESTABLE, Verdict.SUITE_ERROR, Verdict.WARN, Verdict.TOLERATED)
FINDINGS = 3
"""Of a rule that are shown; the report has all."""


def files_of(
    entries: Sequence[Entry], refused: Sequence[Refused], *, with_bundles: bool
) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file. Nothing in them comes from a bundle but what was verified and escaped."""
    tables = matrix.by_profile(entries)
    groups = {group: page_name(group) for group in matrix.groups(entries)}
    shared: dict[str, Any] = {
        "with_bundles": with_bundles,
        "symbols": SYMBOLS,
        "states": State,
        "suite": suite(),
        "groups": groups,
    }
    yield "index.html", _page("index", tables=tables, refused=refused, **shared)
    for group, name in groups.items():
        yield f"rules/{name}.html", _page("group", table=matrix.of_group(entries, group), **shared)
    for entry in entries:
        folder = f"bundles/{entry.slug}"
        yield f"{folder}/index.html", _page("bundle", entry=entry, broken=_broken(entry), findings=FINDINGS, **shared)
        yield f"{folder}/certificate.html", page_of(entry.certificate)
        files = again(entry)
        yield f"{folder}/report.json", files[REPORT]
        if with_bundles:
            yield f"{folder}/bundle.zip", archive.packed(files)
    yield MARK, (json.dumps(_data(entries, refused), indent=1) + "\n").encode()


def page_name(group: str) -> str:
    """A group as part of a file name."""
    return re.sub("[^a-z0-9-]+", "-", group.lower()).strip("-") or "other"


def _page(name: str, **values: object) -> bytes:
    return environment(__package__).get_template(f"{name}.html.jinja").render(**values).encode()


def _broken(entry: Entry) -> list[Any]:
    """What is broken, warned of or tolerated, the worst first."""
    return [claim for verdict in ORDER for claim in entry.claims if claim.verdict is verdict]


def _data(entries: Sequence[Entry], refused: Sequence[Refused]) -> dict[str, Any]:
    return {
        "site": 1,
        "suite": suite(),
        "bundles": [
            {
                "slug": entry.slug,
                "level": entry.certificate.level.value,
                "signer": entry.signer,
                "key": entry.verification.signed.key,
                "rejudged": entry.verification.rejudged.value,
                "remarks": list(entry.verification.remarks),
                "facts": msgspec.to_builtins(entry.certificate.facts),
                "counts": entry.certificate.counts,
                "groups": {
                    group: entry.state([c for c in entry.claims if c.feature == group]).name.lower()
                    for group in matrix.groups([entry])
                },
            }
            for entry in entries
        ],
        "refused": [{"bundle": each.source, "why": list(each.why)} for each in refused],
    }
