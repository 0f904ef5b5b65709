"""Campaigns of examples: the same again, interrupted, and gone on with. The client is a function here."""

import hypothesis
import pytest

from conformance.clientfuzz.case import Case
from conformance.clientfuzz.content import same_text
from conformance.clientfuzz.contract import Report
from conformance.clientfuzz.examples import KINDS, examples, shares
from conformance.clientfuzz.expectation import expected
from conformance.clientfuzz.outcome import Abilities, Judgement, Outcome, Verdict, judged
from conformance.clientfuzz.playing import Result, seen
from conformance.clientfuzz.searching import Search, size
from conformance.wire.script import body


def result_of(case: Case, judgement: Judgement) -> Result:
    now = seen(case, case.played)
    expectation = expected(now, case.authority, case.says)
    return Result(case=case, expectation=expectation, judgement=judgement, report=None, requests=(), played=case.played)


def good(case: Case) -> Result:
    return result_of(case, Judgement(Outcome.ACCEPTED, Verdict.PASS, ""))


def ascii_alone(case: Case) -> Result:
    if not body(case.played.acts).isascii():
        return result_of(case, Judgement(Outcome.WRONG, Verdict.FAIL, "a character too many"))
    return good(case)


class Played:
    def __init__(self, play, stop_after=None):
        self.cases, self._play, self._stop = [], play, stop_after

    def __call__(self, case):
        self.cases.append(case)
        if len(self.cases) == self._stop:
            raise KeyboardInterrupt
        return self._play(case)


def search(play, folder, wanted=50, seed=1):
    made = Search(play, wanted)
    made.run(seed, folder)
    return made


def test_the_same_seed_gives_the_same_campaign_whatever_the_client_does(tmp_path):
    one = search(good, tmp_path / "one")
    assert one.campaign == search(good, tmp_path / "one").campaign
    assert one.campaign == search(ascii_alone, tmp_path / "two").campaign
    assert one.campaign != search(good, tmp_path / "one", seed=2).campaign
    assert 45 < one.played <= 50


def test_a_failure_shrinks(tmp_path):
    found = search(ascii_alone, tmp_path).smallest[Outcome.WRONG]
    events, *_ = size(found.case)
    assert events <= 2


def test_what_failed_is_tried_first_the_next_time(tmp_path):
    search(ascii_alone, tmp_path)
    again = Played(ascii_alone)
    made = search(again, tmp_path, seed=2)
    assert made.replayed
    assert ascii_alone(again.cases[0]).verdict is Verdict.FAIL


def test_an_interrupted_campaign_loses_no_example(tmp_path):
    whole = Played(ascii_alone)
    search(whole, tmp_path / "whole")
    first = next(n for n, case in enumerate(whole.cases) if ascii_alone(case).verdict is Verdict.FAIL)
    broken = Played(ascii_alone, stop_after=first + 3)
    made = Search(broken, 50)
    with pytest.raises(KeyboardInterrupt):
        made.run(1, tmp_path / "broken")
    assert broken.cases == whole.cases[: first + 3]
    assert Outcome.WRONG in made.smallest
    again = Played(ascii_alone)
    search(again, tmp_path / "broken", seed=5)
    assert ascii_alone(again.cases[0]).verdict is Verdict.FAIL


@pytest.mark.parametrize("count", [0, 1, 7, 200, 2000])
def test_the_kinds_share_all_examples(count):
    assert count == sum(share for _, share in shares(count))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_a_patient_reader_has_is_never_a_failure(kind):
    @hypothesis.settings(max_examples=30, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(examples(kind))
    def holds(case):
        now = seen(case, case.played)
        expectation = expected(now, case.authority, case.says)
        signs = now.signs
        fails = signs.broken_off or signs.silent or signs.error or signs.lost or not signs.said.finishes
        calls = signs.said.calls[0] if signs.said.calls else ()
        report = Report(
            text=signs.said.text,
            finish_reason=next(iter(signs.said.finishes), None),
            tool_calls=calls,
            error="it is not whole" if fails or signs.said.text is None or not signs.said.calls else None,
        )
        assert Verdict.FAIL is not judged(report, now, expectation, Abilities()).verdict
        if case.legal:
            assert same_text(now.meant.text, signs.said.text)

    holds()
