"""What is frozen stays as it is: the files of profiles, and the meaning of the rules that they list."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from conformance import profiles
from conformance.rules import ALL

HERE = Path(__file__).parent
FROZEN = json.loads((HERE / "frozen.json").read_text("utf-8"))
BY_ID = {rule.id: rule for rule in ALL}


def meanings():
    """The module beside this file."""
    spec = spec_from_file_location("meanings", HERE / "meanings.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", profiles.NAMES)
def test_a_frozen_file_never_changes(name):
    """A profile that has been published is replaced by one of a new name, and never edited."""
    assert FROZEN[name] == profiles.load(name).digest


def test_a_file_that_was_frozen_is_still_there():
    assert sorted(FROZEN) == sorted(profiles.NAMES)
    folder = Path(profiles.__file__).parent
    assert sorted(FROZEN) == sorted(path.stem for path in folder.glob("*.yaml"))


def test_a_rule_that_a_profile_lists_keeps_its_meaning_or_gets_a_new_version():
    """`version=2` in the rule, then `python tests/profiles/meanings.py`; docs/versioning.md says when."""
    module = meanings()
    kept = module.kept()
    listed = [BY_ID[rule_id] for rule_id in sorted(profiles.listed()) if rule_id in BY_ID]
    now = {f"{rule.id}@{rule.version}": module.digest(rule) for rule in listed}
    assert {name: kept.get(name) for name in now} == now


def test_a_rule_that_a_profile_lists_is_not_taken_away():
    assert [] == sorted(profiles.listed() - BY_ID.keys())


@pytest.mark.parametrize("name", profiles.NAMES)
def test_this_suite_scores_every_rule_of_its_profiles(name):
    """A rule with a new version leaves the old profile for good, so this list grows only for a reason."""
    assert () == profiles.choose(profiles.load(name)).moved


@pytest.mark.parametrize("name", profiles.NAMES)
def test_what_a_profile_says_of_a_rule_is_true(name):
    """The remarks behind the rules are for people; they are as true as the rest."""
    profile = profiles.load(name)
    for line in profile.text.splitlines():
        rule_id, _, remark = line.strip().partition(": ")
        if rule_id in BY_ID and BY_ID[rule_id].version == profile.rules[rule_id]:
            rule = BY_ID[rule_id]
            feature = f", with {rule.needs.feature}" if rule.needs.feature else ""
            assert f"{rule.version} # {rule.level.value.upper()}{feature}. {rule.says}" == remark
    assert {line.split(":")[0].strip() for line in profile.text.splitlines() if " # " in line} == set(profile.rules)
