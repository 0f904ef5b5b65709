"""Bundles of other versions: an old profile still verifies, and what cannot be judged any more is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import profiles
from conformance.certificate import certificate, storing
from conformance.certificate.certificate import FORMAT, Level
from conformance.certificate.keys import read_public
from conformance.certificate.parts import PROFILE, RECORDINGS, REPORT
from conformance.certificate.signature import Signature
from conformance.certificate.verifying import Rejudged, verify

from .making import DONE, again, made, named, verified

KEPT = Path(__file__).parent / "kept"
"""Bundles that were made once and stay as they are: `streamspec certify` of `streamspec mock`, by chat-core-2026.1,
good, and bad (`--fault chat/termination/done-sent`). The private key is gone."""
OTHER_CODE = "0" * 64
GONE = "chat/fashion/of-last-year"


@pytest.mark.parametrize(("name", "level"), [("good.zip", Level.CERTIFIED), ("bad.zip", Level.NOT)])
def test_a_bundle_that_was_kept_still_verifies(name, level):
    found = verify(storing.read(KEPT / name), key=read_public(KEPT / "signer.pub"))
    assert () == found.troubles
    assert (Signature.GIVEN, Rejudged.ALL) == (found.signed.signature, found.rejudged)
    assert level is found.certificate.level
    assert not found.own_profile


def test_a_bundle_that_was_kept_and_changed_does_not():
    bundle = storing.read(KEPT / "good.zip")
    report = bundle.files[REPORT].replace(b'"verdict": "PASS"', b'"verdict": "WARN"', 1)
    found = verify(replace(bundle, files={**bundle.files, REPORT: report}))
    assert ("report", REPORT) in named(found)


def old(**claim: object) -> dict[str, bytes]:
    """A bundle by a profile that lists a rule in another version, and one that is gone."""
    good = made()
    text = good.files[PROFILE].decode().replace(f"{DONE}: 1", f"{DONE}: 7") + f"  {GONE}: 1\n"
    report = json.loads(good.files[REPORT])
    words = {"level": "must", "authority": "suite", "message": "It is so.", "verdict": "PASS", "red": False}
    report["targets"][0]["rules"].append({"rule": GONE, **words, "findings": [], **claim})
    files = {**good.files, PROFILE: text.encode(), REPORT: json.dumps(report).encode()}
    digest = profiles.parse(text, "old", ever=True).digest
    return again(files, facts=replace(good.certificate.facts, code=OTHER_CODE, profile_sha256=digest))


def test_rules_that_are_not_known_any_more_are_named_and_are_no_failure():
    files = old()
    report = json.loads(files[REPORT])
    report["suite"] = "streamspec 0.0.1"
    facts = replace(made().certificate.facts, code=OTHER_CODE, suite="streamspec 0.0.1")
    digest = profiles.parse(files[PROFILE].decode(), "old", ever=True).digest
    found = verified(again({**files, REPORT: json.dumps(report).encode()}, facts=replace(facts, profile_sha256=digest)))
    assert () == found.troubles
    assert Rejudged.SOME is found.rejudged
    said = "\n".join(found.remarks)
    assert f"not judged again: {DONE}: the profile lists version 7" in said
    assert f"not judged again: {GONE}: the profile lists version 1, this suite has no such rule any more" in said
    assert "made by another version (streamspec 0.0.1, code 000000000000)" in said


def test_a_rule_that_cannot_be_judged_any_more_cannot_be_left_uncounted_either():
    files = old(verdict="FAIL")
    found = verified(files)
    assert any(f"it does not count {GONE}, which is FAIL" in trouble.says for trouble in found.troubles)


def test_other_code_does_not_let_a_lie_pass():
    bad = made(DONE)
    report = json.loads(bad.files[REPORT])
    for rule in report["targets"][0]["rules"]:
        if rule["rule"] == DONE:
            rule |= {"verdict": "PASS", "red": False, "findings": []}
    facts = replace(bad.certificate.facts, code=OTHER_CODE)
    found = verified(again({**bad.files, REPORT: json.dumps(report).encode()}, facts=facts))
    assert f"it claims PASS of {DONE}, and the recordings show FAIL" in {trouble.says for trouble in found.troubles}


def test_where_no_rule_can_be_judged_again_nothing_holds():
    bad = made(DONE)
    text = bad.files[PROFILE].decode().replace(": 1\n", ": 7\n")
    report = json.loads(bad.files[REPORT])
    for rule in report["targets"][0]["rules"]:
        rule |= {"verdict": "PASS", "red": False, "findings": []}
    files = {name: content for name, content in bad.files.items() if not name.startswith(RECORDINGS)}
    files |= {PROFILE: text.encode(), REPORT: json.dumps(report).encode()}
    digest = profiles.parse(text, "later", ever=True).digest
    found = verified(again(files, facts=replace(bad.certificate.facts, code=OTHER_CODE, profile_sha256=digest)))
    assert (Level.CERTIFIED, Rejudged.NONE, False) == (found.certificate.level, found.rejudged, found.holds)
    assert f"not judged again: {DONE}: the profile lists version 7, this suite has version 1" in found.remarks


def test_other_code_does_not_let_evidence_be_left_out():
    good = made()
    files = {name: content for name, content in good.files.items() if name != "recordings/long-text.jsonl"}
    found = verified(again(files, facts=replace(good.certificate.facts, code=OTHER_CODE)))
    assert [("evidence", "recordings that the profile needs are not there: long-text")] == [
        (trouble.part.value, trouble.says) for trouble in found.troubles
    ]


def test_what_is_of_a_dialect_that_is_not_known_here_cannot_be_verified():
    facts = replace(made().certificate.facts, dialect="a vendor of tomorrow", code=OTHER_CODE)
    report = json.loads(made().files[REPORT])
    report["targets"][0]["dialect"] = facts.dialect
    found = verified(again({**made().files, REPORT: json.dumps(report).encode()}, facts=facts))
    assert ((), Rejudged.NONE, False) == (found.troubles, found.rejudged, found.holds)
    assert any("knows no dialect 'a vendor of tomorrow'" in remark for remark in found.remarks)


def test_a_certificate_of_a_format_to_come_is_not_guessed_at(monkeypatch):
    monkeypatch.setattr(certificate, "FORMAT", FORMAT + 1)
    files = again(made().files, facts=made().certificate.facts)
    monkeypatch.undo()
    found = verified(files)
    assert ((), None, False) == (found.troubles, found.certificate, found.holds)
    assert (f"it is a certificate of format {FORMAT + 1}; this version reads format {FORMAT}",) == found.remarks
