"""HAProxy: as it comes it sends tokens in pairs and notices late that a client has left; two options mend both."""

import pytest

from conformance.cancellation import Manner
from conformance.probes.connection import By
from tests.gateways import haproxy
from tests.gateways.measuring import changes, reports_of, seen

NAMES = [program.name for program in haproxy.ALL]
BOTH = pytest.mark.parametrize("by", [By.FIN, By.RST], ids=str)


@pytest.fixture(scope="module")
def reports():
    return reports_of(haproxy.ALL)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("haproxy-default", Manner.WRITE_DETECTOR),
        ("haproxy-no-delay", Manner.WRITE_DETECTOR),
        ("haproxy-aborts", Manner.WATCHER),
    ],
)
def test_its_class(reports, name, named):
    assert named is reports[name].named


@BOTH
@pytest.mark.parametrize("name", ["haproxy-default", "haproxy-no-delay"])
def test_only_events_make_leaving_arrive(reports, name, by):
    found = seen(reports[name], by)
    assert {"silent", "nothing-yet", "head-only"} == {situation for situation, sent in found.items() if sent is None}
    assert found["slow"] in (1, 2)


@BOTH
def test_with_abortonclose_leaving_arrives_whatever_the_upstream_does(reports, by):
    assert [] == [situation for situation, sent in seen(reports["haproxy-aborts"], by).items() if sent is None]


@pytest.mark.parametrize(
    ("name", "delayed"),
    [
        ("haproxy-default", {"slow": ["in-bursts"], "slow-gzip": ["in-bursts"]}),
        ("haproxy-no-delay", {}),
        ("haproxy-aborts", {}),
    ],
)
def test_as_it_comes_tokens_arrive_in_pairs(reports, name, delayed):
    assert delayed == changes(reports[name], "delayed")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_hidden(reports, name):
    assert {} == changes(reports[name], "invented", "lost", "rewritten", "status")
