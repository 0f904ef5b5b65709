"""What a certificate says: its level, its lists, and what it does not say."""

import json
from dataclasses import replace

import pytest

import schemas
from conformance.certificate import evidence
from conformance.certificate.certificate import Disagreement, KnownFailure, Level, certify
from conformance.certificate.envelope import opened
from conformance.certificate.making import MakingError, make
from conformance.certificate.page import page_of
from conformance.certificate.parts import CERTIFICATE, PAGE, RECORDINGS, REPORT, STATEMENT
from conformance.report.stored import StoredRule
from conformance.verdicts import RuleVerdict, Verdict

from .making import DONE, choice, made, run, verified


def predicate(bundle):
    return json.loads(opened(bundle.files[STATEMENT]).payload)["predicate"]


def claim(rule: str, verdict: Verdict, **members: str) -> StoredRule:
    return StoredRule(rule, "should", "It is so.", verdict, red=False, **members)


def test_a_target_without_fault_is_certified():
    assert Level.CERTIFIED is made().certificate.level
    assert "PASSED" == predicate(made())["result"]
    assert [] == predicate(made())["failedTests"]
    assert DONE in predicate(made())["passedTests"]


def test_a_fault_is_not_certified_and_named():
    bad = made(DONE)
    assert Level.NOT is bad.certificate.level
    assert [DONE] == [line.rule for line in bad.certificate.red]
    assert ("FAILED", [DONE]) == (predicate(bad)["result"], predicate(bad)["failedTests"])
    assert verified(bad.files).holds


def test_a_fault_that_is_known_is_certified_as_that_with_its_reason():
    known = made(DONE, known="fixed in the next release")
    assert Level.KNOWN is known.certificate.level
    assert [(DONE, "known failure: fixed in the next release")] == [
        (line.rule, line.why) for line in known.certificate.known
    ]
    assert ("WARNED", [DONE]) == (predicate(known)["result"], predicate(known)["failedTests"])
    assert b"fixed in the next release" in known.files[PAGE]
    assert verified(known.files).holds


def test_a_known_failure_that_does_not_fail_stands_against_it():
    stale = made(known="long since fixed")
    assert Level.NOT is stale.certificate.level
    assert [DONE] == [line.rule for line in stale.certificate.red]


def test_a_known_failure_of_another_profile_is_nobodys_concern():
    recordings, report, facts = run()
    facts = replace(facts, known_failures=(KnownFailure(rule="chat/cancellation/*", reason="it never stops"),))
    found = make(facts, recordings, choice=choice(), live=report.verdicts).certificate
    assert ((), Level.CERTIFIED) == (found.facts.known_failures, found.level)


def test_a_warning_is_certified_and_named():
    claims = [claim("a/b/c", Verdict.WARN), claim("a/b/d", Verdict.TOLERATED)]
    found = certify(made().certificate.facts, claims, 2)
    assert Level.CERTIFIED is found.level
    assert (["a/b/c"], ["a/b/d"]) == ([each.rule for each in found.warned], [each.rule for each in found.tolerated])


def test_where_nothing_was_judged_nothing_is_certified():
    found = certify(made().certificate.facts, [claim("a/b/c", Verdict.NOT_APPLICABLE, reason="why")], 0)
    assert (Level.NOT, ("no rule was judged",)) == (found.level, found.against)
    assert {"why": 1} == found.left_out


def test_a_run_that_was_broken_off_is_not_certified():
    found = certify(replace(made().certificate.facts, problem="it answers no more"), [], 0)
    assert "it answers no more" in found.against


def test_what_a_run_said_and_its_recordings_do_not_show_is_named_and_not_counted():
    recordings, report, facts = run()
    (done,) = [verdict for verdict in report.verdicts if verdict.rule.id == DONE]
    live = [RuleVerdict(done.rule, Verdict.FAIL) if verdict is done else verdict for verdict in report.verdicts]
    found = make(facts, recordings, choice=choice(), live=live)
    assert (Disagreement(DONE, Verdict.FAIL, Verdict.PASS),) == found.certificate.facts.unverified
    assert Level.NOT is found.certificate.level
    assert DONE not in found.certificate.passed
    assert len(choice().scored) - 1 == sum(found.certificate.counts.values())
    assert b"What the recordings do not bear out" in found.files[PAGE]
    assert verified(found.files, None).holds


def test_probes_that_were_not_made_stand_against_it():
    recordings, _, facts = run()
    rest = {name: content for name, content in recordings.items() if name != "recordings/long-text.jsonl"}
    found = make(facts, rest, choice=choice(), live=()).certificate
    assert (Level.NOT, ("long-text",)) == (found.level, found.facts.missing)


def test_the_recordings_show_what_the_run_saw():
    recordings, report, _ = run()
    shown = {exchange.probe for exchange in evidence.read(recordings).exchanges}
    assert {timing.probe for timing in report.timings} == shown
    assert () == made().certificate.facts.unverified


def test_a_recording_with_the_key_in_it_is_not_published():
    recordings, _, facts = run()
    name = "recordings/stream.jsonl"
    told = recordings[name].replace(b'"chatcmpl-', b'"sk-top-secret-').replace(b'\\"chatcmpl-', b'\\"sk-top-secret-')
    assert told != recordings[name]
    with pytest.raises(MakingError, match=f"{name} holds the API key") as raised:
        make(facts, {**recordings, name: told}, choice=choice(), secrets=["sk-top-secret"])
    assert "sk-top-secret" not in str(raised.value)


@pytest.mark.parametrize(("member", "other"), [("url", "http://elsewhere.example/v1"), ("model", "a better one")])
def test_recordings_of_another_target_are_not_certified_from(member, other):
    recordings, _, facts = run()
    with pytest.raises(MakingError, match=rf"recordings/long-text\.jsonl: it is of .*, and not of {other}"):
        make(replace(facts, **{member: other}), recordings, choice=choice())


def test_a_recording_that_cannot_be_read_is_not_certified_from():
    recordings, _, facts = run()
    with pytest.raises(MakingError, match=r"recordings/stream\.jsonl: line 1"):
        make(facts, {**recordings, "recordings/stream.jsonl": b"no\n"}, choice=choice())


def test_the_page_says_what_it_does_not_say_and_escapes_what_it_was_told():
    hostile = "<script>alert(1)</script>\x1b[31m\u202egnp"
    facts = replace(made().certificate.facts, model=hostile, notes={hostile: hostile})
    page = page_of(replace(made().certificate, facts=facts)).decode()
    assert "<script>" not in page
    assert not {"\x1b", "\u202e"} & set(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u001b[31m\\u202egnp" in page
    for said in ("What this does not say", "under load", "another day", "another", "model&#39;s answers", "SHA-256"):
        assert said in page.replace("'", "&#39;")
    assert "http:" not in (elsewhere := page.replace(facts.url, ""))
    assert "https:" not in elsewhere


def test_the_certificate_fits_its_schema():
    for bundle in (made(), made(DONE), made(DONE, known="a reason")):
        value = json.loads(bundle.files[CERTIFICATE])
        assert [] == [error.message for error in schemas.explain("certificate").iter_errors(value)]
        assert [] == [e.message for e in schemas.explain("report").iter_errors(json.loads(bundle.files[REPORT]))]


def test_the_counts_are_those_of_the_profile():
    counts = made().certificate.counts
    assert len(choice().scored) == sum(counts.values())
    assert sum(name.startswith(RECORDINGS) for name in made().files) == made().certificate.exchanges
