"""Every mutant that one answer can show, played to clients."""

from fnmatch import fnmatchcase

from conformance.clientfuzz import mutants
from conformance.clientfuzz.outcome import Outcome, Verdict


def some(*patterns):
    return [case for case in mutants.cases() if any(fnmatchcase(case.id, pattern) for pattern in patterns)]


def test_there_are_as_many_mutants_as_the_page_says_and_each_changes_the_answer():
    cases = list(mutants.cases())
    assert len(cases) > 500  # docs/fuzz-a-client.md
    assert [] == [case.id for case in cases if case.played == case.good]


def test_no_mutant_makes_a_careful_client_fail(played):
    cases = some("mutant/*")
    results = played("careful", cases, jobs=4)
    assert [] == [(name, result.judgement.says) for name, result in results.items() if result.verdict is Verdict.FAIL]
    assert len(cases) == len(results)


def test_started_for_each_case_it_says_the_same(played):
    cases = some("mutant/chat/termination/*", "mutant/sse/lines/*")
    kept, anew = played("careful", cases), played("careful", cases, "{base_url}", "MODEL")
    assert {name: result.outcome for name, result in kept.items()} == {
        name: result.outcome for name, result in anew.items()
    }


def test_what_cut_an_answer_short_is_an_error_to_a_careful_client(played):
    results = played("careful", some("mutant/http/framing/last-chunk#closed-inside-a-chunk", "*#goes-silent"))
    assert {Outcome.ERROR} == {result.outcome for result in results.values()}
