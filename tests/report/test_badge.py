"""Badges say how a run went, and nothing that somebody else wrote."""

import json
from xml.etree import ElementTree as ET

import pytest

from conformance.report import badge
from conformance.verdicts import Verdict

from .stored_reports import HOSTILE, report, rule

GREEN = rule(verdict=Verdict.PASS, red=False, findings=())


@pytest.mark.parametrize(
    ("stored", "message", "colour"),
    [
        (report(GREEN), "nothing red", "brightgreen"),
        (report(GREEN, rule(known=True, red=False)), "nothing red, 1 known", "yellow"),
        (report(GREEN, rule(), unmatched=("x",)), "2 red", "red"),
        (report(GREEN, problem="gone"), "incomplete", "lightgrey"),
    ],
)
def test_a_badge_says_how_it_went(stored, message, colour):
    said = json.loads(badge.shields(stored))
    assert (1, "streamspec", message, colour) == (said["schemaVersion"], said["label"], said["message"], said["color"])
    assert (colour in ("red", "lightgrey")) == said.get("isError", False)
    texts = {element.text for element in ET.fromstring(badge.svg(stored)).iter("{http://www.w3.org/2000/svg}text")}
    assert {"streamspec", message} == texts


def test_a_badge_names_the_profile_that_all_targets_were_judged_by():
    assert "streamspec chat-core-2026.1" == badge.label_of(report(GREEN, profile={"name": "chat-core-2026.1"}))


def test_a_profile_with_a_hostile_name_is_text_in_the_image():
    root = ET.fromstring(badge.svg(report(GREEN, profile={"name": HOSTILE})))
    assert [] == [element for element in root.iter() if "script" in element.tag]
