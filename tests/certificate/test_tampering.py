"""A changed byte is found wherever it is, and its part is named; so is whatever else is done to a bundle."""

import json
import random
from dataclasses import replace

import pytest

from conformance import profiles
from conformance.certificate import archive
from conformance.certificate.certificate import Level
from conformance.certificate.envelope import opened, sealed
from conformance.certificate.making import make
from conformance.certificate.parts import (
    CERTIFICATE,
    KEY,
    PAGE,
    PROFILE,
    RECORDINGS,
    REPORT,
    STATEMENT,
    in_order,
    part_of,
)
from conformance.certificate.statement import statement_of
from conformance.certificate.verifying import verify

from .making import DONE, again, choice, made, named, of_folder, run, signer, verified
from .making import PROFILE as WEAK

POSITIONS, PARTS = 500, 5
SEED = 20261120


def positions(sizes: dict[str, int], wanted: int) -> list[tuple[str, int, int]]:
    """Positions in files and what to turn them into: as many in each small part as in all recordings together."""
    chance = random.Random(SEED)
    others = [name for name in sizes if not name.startswith(RECORDINGS)]
    recordings = [name for name in sizes if name.startswith(RECORDINGS)]
    chosen = [*others * (wanted // (len(others) + 1) + 1)]
    names = [
        *chosen[: wanted - wanted // (len(others) + 1)],
        *chance.choices(recordings, k=wanted // (len(others) + 1)),
    ]
    return [(name, chance.randrange(sizes[name]), 1 << chance.randrange(8)) for name in names]


def changed(data: bytes, at: int, bits: int) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


def expected(name: str) -> set[str]:
    return {part_of(name).value} | ({"signature"} if name == STATEMENT else set())


@pytest.mark.parametrize(("signed", "part"), [*((True, part) for part in range(PARTS)), (False, 0)])
def test_every_changed_byte_of_a_folder_is_found_and_its_file_is_named(signed, part):
    files = made(signed=signed).files
    chosen = positions({name: len(content) for name, content in files.items()}, POSITIONS)
    assert set(files) - {name for name, _, _ in chosen} <= {name for name in files if name.startswith(RECORDINGS)}
    for name, at, bits in chosen[part::PARTS]:
        found = verify(of_folder({**files, name: changed(files[name], at, bits)}))
        parts = {part for part, file in named(found) if file == name}
        assert not found.holds, (name, at, bits)
        assert parts & expected(name), (name, at, bits, found.troubles)


def test_every_changed_byte_of_an_archive_is_found_and_its_file_or_the_archive_is_named():
    files = made().files
    data, chance = archive.packed(files), random.Random(SEED)
    ends, end = [], 0
    for name in in_order(files):
        start = end
        end += archive.LOCAL_HEADER + len(name) + len(files[name])
        ends.append((name, start, end))
    headers = [start + chance.randrange(archive.LOCAL_HEADER + len(name)) for name, start, _ in ends for _ in range(3)]
    table = [chance.randrange(end, len(data)) for _ in range(POSITIONS // 2)]
    content = [chance.randrange(end) for _ in range(POSITIONS // 4)]
    for at in (*headers, *table, *content):
        found = verify(archive.unpacked(changed(data, at, 1 << chance.randrange(8))))
        inside = next((name for name, start, stop in ends if start <= at < stop), "")
        assert not found.holds, at
        assert any(part == "archive" or file == inside for part, file in named(found)), (at, found.troubles)


def test_a_bundle_that_nobody_touched_holds():
    for signed in (True, False):
        found = verified(made(signed=signed).files, "ours" if signed else None)
        assert () == found.troubles
        assert () == tuple(remark for remark in found.remarks if "none of this suite's" not in remark)
        assert found.holds


def test_a_file_that_is_missing_is_named():
    files = dict(made().files)
    for name in [*in_order(files)[:6], in_order(files)[-1]]:
        rest = {other: content for other, content in files.items() if other != name}
        assert name in {file for _, file in named(verify(of_folder(rest)))}, name


def test_a_file_that_was_added_is_named():
    files = {**made().files, "recordings/more.jsonl": b"{}\n"}
    assert {("recording", "recordings/more.jsonl")} == named(verified(files))


def test_two_recordings_that_changed_places_are_named():
    files = dict(made().files)
    one, other = "recordings/stream.jsonl", "recordings/non-ascii.jsonl"
    files[one], files[other] = files[other], files[one]
    assert {("recording", one), ("recording", other)} == named(verified(files))


def test_the_signature_of_another_bundle_does_not_fit():
    mine, other = json.loads(made().files[STATEMENT]), json.loads(made("chat/role/sent-once").files[STATEMENT])
    mine["signatures"] = other["signatures"]
    found = verified({**made().files, STATEMENT: (json.dumps(mine, indent=2) + "\n").encode()})
    assert {("signature", STATEMENT)} == named(found)
    assert "it does not belong to this statement" in found.signed.says


def test_who_signs_a_bundle_anew_is_no_longer_whom_it_is_expected_of():
    files = again(made().files, facts=made().certificate.facts, by="a stranger")
    found = verified(files, "ours")
    assert {("signature", STATEMENT)} == named(found)
    assert found.signed.says.startswith("signed by another key than the one that was given")
    assert signer("a stranger").public_key.keyid in found.signed.says
    alone = verified(files, None)
    assert alone.holds
    assert "whose key that is, only --key with one that you trust can tell" in alone.signed.says


def test_a_bundle_whose_signature_was_taken_off_is_not_what_was_expected():
    files = {**made().files, STATEMENT: sealed(opened(made().files[STATEMENT]).payload, None)}
    assert {("signature", STATEMENT)} == named(verified(files))
    assert "not signed" in verified(files).signed.says


def test_who_has_the_key_cannot_claim_more_than_the_recordings_show():
    bad = made(DONE)
    report = json.loads(bad.files[REPORT])
    (rule,) = [rule for rule in report["targets"][0]["rules"] if rule["rule"] == DONE]
    assert "FAIL" == rule["verdict"]
    rule |= {"verdict": "PASS", "red": False, "findings": []}
    files = again({**bad.files, REPORT: json.dumps(report).encode()}, facts=bad.certificate.facts)
    assert '"level": "certified"' in files[CERTIFICATE].decode()
    found = verified(files)
    assert {("report", REPORT)} == named(found)
    assert f"it claims PASS of {DONE}, and the recordings show FAIL" == found.troubles[0].says


def test_who_has_the_key_cannot_leave_findings_out():
    bad = made("sse/events/ended")
    report = json.loads(bad.files[REPORT])
    (rule,) = [rule for rule in report["targets"][0]["rules"] if rule["rule"] == "sse/events/ended"]
    rule["findings"] = rule["findings"][:1]
    found = verified(again({**bad.files, REPORT: json.dumps(report).encode()}, facts=bad.certificate.facts))
    assert "its findings of sse/events/ended are not those that the recordings show" == found.troubles[0].says


def test_who_has_the_key_cannot_leave_rules_out():
    good = made()
    report = json.loads(good.files[REPORT])
    del report["targets"][0]["rules"][0]
    found = verified(again({**good.files, REPORT: json.dumps(report).encode()}, facts=good.certificate.facts))
    assert "it says nothing of http/status/streams, which the profile lists" == found.troubles[0].says


def test_who_has_the_key_cannot_make_the_figures_better():
    good = made()
    report = json.loads(good.files[REPORT])
    report["targets"][0]["timings"][0]["end"] = 0.0
    changed_report = (json.dumps(report, indent=1) + "\n").encode()
    found = verified(again({**good.files, REPORT: changed_report}, facts=good.certificate.facts))
    assert {("report", REPORT)} == named(found)


def test_who_has_the_key_cannot_leave_evidence_out():
    good = made()
    files = {name: content for name, content in good.files.items() if name != "recordings/long-text.jsonl"}
    found = verified(again(files, facts=good.certificate.facts))
    assert ("evidence", "") in named(found)
    assert any("long-text" in trouble.says for trouble in found.troubles)


def test_who_has_the_key_cannot_leave_an_exchange_of_a_trial_out():
    good = made()
    name = "recordings/stream.jsonl"
    head, _, rest = good.files[name].partition(b"\n")
    announced = json.dumps(json.loads(head) | {"group": ["stream.2.jsonl"]}).encode() + b"\n" + rest
    files = again({**good.files, name: announced}, facts=good.certificate.facts)
    found = verified(files)
    assert [("evidence", "recordings that the profile needs are not there: recordings/stream.2.jsonl")] == [
        (trouble.part.value, trouble.says) for trouble in found.troubles
    ]
    recordings = {name: content for name, content in files.items() if name.startswith(RECORDINGS)}
    certificate = make(good.certificate.facts, recordings, choice=choice()).certificate
    assert (Level.NOT, ("recordings/stream.2.jsonl",)) == (certificate.level, certificate.facts.missing)


def test_who_has_the_key_cannot_name_another_target_than_the_recordings_do():
    good = made()
    for member, other in (("url", "https://api.example.org/v1"), ("model", "a better one")):
        report = json.loads(good.files[REPORT])
        report["targets"][0][member] = other
        files = {**good.files, REPORT: (json.dumps(report, indent=1) + "\n").encode()}
        found = verified(again(files, facts=replace(good.certificate.facts, **{member: other})))
        assert {"recording"} == {trouble.part.value for trouble in found.troubles}, member
        assert f"and not of {other}" in found.troubles[0].says


def test_a_weaker_profile_cannot_take_the_name_of_a_known_one():
    good, name = made(), profiles.NAMES[0]
    weak = WEAK.replace("for-tests", name).encode()
    digest = profiles.parse(weak.decode(), "weak").digest
    facts = replace(good.certificate.facts, profile=name, profile_sha256=digest)
    found = verified(again({**good.files, PROFILE: weak}, facts=facts))
    assert ("profile", PROFILE) in named(found)
    assert f"it calls itself {name}, and is not the profile of that name" in {t.says for t in found.troubles}


def test_a_profile_of_ones_own_is_told_of():
    assert verified(made().files).own_profile
    assert any("for-tests is none of this suite's" in remark for remark in verified(made().files).remarks)


def test_features_that_the_profile_demands_cannot_be_left_undeclared():
    recordings, _, facts = run()
    good = made()
    found = verified(again(good.files, facts=replace(facts, features=())))
    assert recordings
    assert ("certificate", CERTIFICATE) in named(found)


def test_the_page_cannot_say_more_than_the_certificate():
    good = made(DONE)
    files = dict(good.files)
    files[PAGE] = files[PAGE].replace(b"not certified", b"certified")
    payload = opened(again(good.files, facts=good.certificate.facts)[STATEMENT]).payload
    digest = json.loads(payload)
    assert digest["predicate"]["result"] == "FAILED"
    files[STATEMENT] = sealed(statement_of(good.certificate, files), signer("ours"))
    assert {("page", PAGE)} == named(verified(files))


def test_the_statement_cannot_say_more_than_the_certificate():
    good = made(DONE)
    statement = json.loads(opened(good.files[STATEMENT]).payload)
    statement["predicate"]["result"] = "PASSED"
    files = {**good.files, STATEMENT: sealed((json.dumps(statement, indent=1) + "\n").encode(), signer("ours"))}
    assert {("statement", STATEMENT)} == named(verified(files))


def test_the_enclosed_key_cannot_be_changed_for_another():
    files = {**made().files, KEY: made(name="a stranger").files[KEY]}
    assert {("key", KEY)} <= named(verified(files, None))
    assert {("key", KEY)} <= named(verified(files))


def test_a_byte_more_or_less_in_the_envelope_is_found():
    text = made().files[STATEMENT]
    for other in (text + b"\n", text[:-1], b" " + text, text.replace(b'"payloadType"', b' "payloadType"')):
        assert ("statement", STATEMENT) in named(verified({**made().files, STATEMENT: other}))
