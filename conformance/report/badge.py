"""How a stored report went, as a badge: an SVG, and the JSON that shields-like services read. Renders; decides nothing.

A badge says what a run said, and who hangs it up says that it is theirs: it certifies nothing.
"""

import json

import anybadge  # type: ignore[import-untyped] # it has no types

from .stored import StoredReport

COLOURS = {"brightgreen": "#4c1", "yellow": "#dfb317", "red": "#e05d44", "lightgrey": "#9f9f9f"}
"""The names that shields knows, and what they look like."""


def label_of(report: StoredReport) -> str:
    """The left half: the profile, where all targets were judged by one."""
    profiles = {target.profile.get("name", "") for target in report.targets}
    name = profiles.pop() if len(profiles) == 1 else ""
    return f"streamspec {''.join(sign for sign in name if sign.isprintable())}".strip()


def message_of(report: StoredReport) -> tuple[str, str]:
    """The right half, and its colour by name."""
    rules = [rule for target in report.targets for rule in target.rules]
    red = sum(rule.red for rule in rules) + sum(len(target.unmatched) for target in report.targets)
    known = sum(rule.known for rule in rules)
    if any(target.problem for target in report.targets):
        return "incomplete", "lightgrey"
    if red:
        return f"{red} red", "red"
    return ("nothing red", "brightgreen") if not known else (f"nothing red, {known} known", "yellow")


def shields(report: StoredReport) -> str:
    """The JSON of shields' endpoint badge, schema version 1."""
    message, colour = message_of(report)
    said = {"schemaVersion": 1, "label": label_of(report), "message": message, "color": colour}
    return json.dumps(said | ({"isError": True} if colour in ("red", "lightgrey") else {}), indent=2) + "\n"


def svg(report: StoredReport) -> str:
    """The badge as an image."""
    message, colour = message_of(report)
    drawn: str = anybadge.Badge(label_of(report), message, default_color=COLOURS[colour]).badge_svg_text
    return drawn
