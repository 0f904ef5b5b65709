"""The catalogues of probes and of trials and the needs of rules keep in step."""

import re
from collections import Counter

import pytest

from conformance.probes.catalogue import PROBES, find, requests_of
from conformance.probes.trials.catalogue import TRIALS
from conformance.rules import ALL

NAMES = [probe.name for probe in PROBES] + [trial.name for trial in TRIALS]
FEATURES = {one.name: {one.feature} - {""} for one in (*PROBES, *TRIALS)}
NEEDS = list(dict.fromkeys(rule.needs for rule in ALL))


def test_there_is_a_probe_or_a_trial_for_every_name_in_a_need():
    assert {name for need in NEEDS for name in need.probes} - set(NAMES) == set()


def test_every_probe_and_every_trial_is_there_for_some_need():
    assert set(NAMES) - {name for need in NEEDS for name in need.probes} == set()


def test_names_are_unique_and_fit_to_be_file_names():
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []
    assert [name for name in NAMES if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []


def test_a_target_that_declares_the_feature_of_a_need_and_no_other_runs_a_probe_for_it():
    unmet = [n.name for n in NEEDS if not any(FEATURES[name] <= {n.feature} for name in n.probes)]
    assert unmet == []


def test_a_probe_with_a_companion_says_what_that_sends():
    assert [p.name for p in PROBES if (p.companion is None) != (p.companion_body is None)] == []


def test_the_model_is_put_into_bodies_and_left_out_of_text():
    assert requests_of(find("stream"), url="http://host/v1/", model="m")[0].body["model"] == "m"
    assert requests_of(find("model-unknown"), url="http://host/v1", model="m")[0].body["model"] != "m"
    assert isinstance(requests_of(find("bad-json"), url="http://host/v1", model="m")[0].body, str)


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://host/v1", "http://host/v1/chat/completions"),
        ("http://host/v1/", "http://host/v1/chat/completions"),
        ("https://host/openai/v1?api-version=2024", "https://host/openai/v1/chat/completions?api-version=2024"),
    ],
)
def test_the_path_is_put_behind_the_url_and_before_its_query(url, full):
    assert requests_of(find("stream"), url=url, model="m")[0].url == full


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(LookupError, match="no probe 'nothing'; there are stream"):
        find("nothing")
