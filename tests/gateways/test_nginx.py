"""nginx: which configuration passes on that a client has left, which holds streams back, which hides that one broke."""

import pytest

from conformance.cancellation import Manner
from conformance.probes.connection import By
from tests.gateways import nginx
from tests.gateways.measuring import changes, misleading, reports_of, seen

NAMES = [program.name for program in nginx.ALL]
BOTH = pytest.mark.parametrize("by", [By.FIN, By.RST], ids=str)
WATCHERS = [name for name in NAMES if name != "nginx-ignores-abort"]


@pytest.fixture(scope="module")
def reports():
    return reports_of(nginx.ALL)


@pytest.mark.parametrize("name", WATCHERS)
def test_it_watches_its_client(reports, name):
    assert Manner.WATCHER is reports[name].named


@BOTH
@pytest.mark.parametrize("name", WATCHERS)
def test_leaving_arrives_whatever_the_upstream_does(reports, name, by):
    assert [] == [situation for situation, sent in seen(reports[name], by).items() if sent is None]


def test_with_ignore_client_abort_it_notices_when_it_writes(reports):
    assert Manner.WRITE_DETECTOR is reports["nginx-ignores-abort"].named


@BOTH
def test_with_ignore_client_abort_only_events_make_leaving_arrive(reports, by):
    found = seen(reports["nginx-ignores-abort"], by)
    assert {"silent", "nothing-yet", "head-only"} == {situation for situation, sent in found.items() if sent is None}
    assert found["slow"] in (1, 2)


def test_the_default_snippet_holds_back_whole_streams(reports):
    found = changes(reports["nginx-default"], "delayed")
    late = found.pop("late")
    assert {"slow": ["held-back"], "slow-gzip": ["held-back"]} == found
    assert late in (["head-held"], ["held-back"])  # its events take 0.2 s, longer than 0.3 s only on a busy machine


@pytest.mark.parametrize(
    ("name", "delayed"),
    [
        ("nginx-buffered", {"late": ["head-held"]}),
        ("nginx-unbuffered", {}),
        ("nginx-gzip", {"slow-gzip": ["held-back"], "late": ["head-held"]}),
        ("nginx-ignores-abort", {}),
    ],
)
def test_what_is_held_back(reports, name, delayed):
    assert delayed == changes(reports[name], "delayed")


def test_the_default_snippet_hides_that_a_stream_broke_off(reports):
    found = misleading(reports["nginx-default"])
    assert {"cut-hidden"} == found["cut"]
    assert {"text-lost"} == found["reset"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "nginx-default"])
def test_in_http_1_1_nothing_is_hidden(reports, name):
    assert {} == changes(reports[name], "invented", "lost", "rewritten", "status")
