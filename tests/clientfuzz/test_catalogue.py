"""The cases: what they are called, what they mean, and what a careful client makes of them."""

import pytest

from conformance.clientfuzz.catalogue import catalogue, chosen
from conformance.clientfuzz.content import same_calls, same_text
from conformance.clientfuzz.outcome import Verdict
from conformance.clientfuzz.playing import seen
from conformance.protocols.chat import view
from conformance.protocols.reading import exchange_of


def test_every_case_has_an_id_of_its_own():
    ids = [case.id for case in catalogue()]
    assert len(ids) == len(set(ids)) > 1200  # as docs/fuzz-a-client.md says
    assert {"legal", "mutant", "transport"} == {name.split("/")[0] for name in ids}


def test_a_pattern_picks_cases_and_one_that_matches_nothing_is_an_error():
    assert all(case.id.startswith("legal/line-ends/crlf/") for case in chosen(["legal/line-ends/crlf/*"]))
    with pytest.raises(LookupError, match="no case matches 'nonsense'"):
        chosen(["legal/*", "nonsense"])


def test_what_is_legal_says_what_was_meant():
    for case in chosen(["legal/*"]):
        now = seen(case, case.played)
        meant, said = now.meant, now.signs.said
        assert same_text(meant.text, said.text), case.id
        assert same_calls(meant.calls[0], said.calls[0]), case.id
        assert meant.finishes == said.finishes, case.id
        assert (True, False, False) == (now.signs.done, now.signs.broken_off, now.signs.lost), case.id


def test_every_good_stream_but_those_of_vendors_is_in_order():
    for case in chosen(["legal/*/per-event"]):
        found = view.View(exchange_of(case.request, case.good)).illegal
        assert [] == found or case.id.startswith("legal/vendor/"), case.id


def test_no_case_makes_a_careful_client_fail(played):
    cases = chosen(["legal/*", "transport/*"])
    results = played("careful", cases, jobs=4)
    failed = [(name, result.judgement.says) for name, result in results.items() if result.verdict is Verdict.FAIL]
    assert [] == failed
    assert len(cases) == len(results)
