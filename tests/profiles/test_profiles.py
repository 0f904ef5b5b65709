"""What a profile makes of the rules, and what is wrong with a file of one."""

import pytest

from conformance import profiles
from conformance.mistakes import ConfigurationError
from conformance.rules import ALL

BY_ID = {rule.id: rule for rule in ALL}
OURS = "profile: ours\nsays: x\nrules:\n  chat/termination/done-sent: 1\n"


def test_every_rule_is_listed_or_a_candidate_of_some_profile():
    """No rule falls between the profiles, where nobody would hear of it."""
    of_any = {rule.id for name in profiles.NAMES for rule in profiles.choose(profiles.load(name)).rules}
    assert set() == {rule.id for rule in ALL} - of_any


def test_a_rule_that_no_profile_lists_is_a_candidate_of_those_about_the_same(monkeypatch):
    new = "chat/tool-choice/named"
    monkeypatch.setattr(profiles, "listed", lambda: frozenset(BY_ID) - {new})
    text = "profile: old\nsays: x\nrules:\n  chat/termination/done-sent: 1\n"
    assert () == profiles.choose(profiles.parse(text, "old")).candidates
    choice = profiles.choose(profiles.parse(text + "  chat/tool-choice/none: 1\n", "old"))
    assert (frozenset({new}), ["chat/tool-choice/none", "chat/termination/done-sent"]) == (
        choice.unscored,
        [rule.id for rule in choice.scored],
    )


def test_a_rule_of_another_version_is_reported_and_not_scored():
    text = OURS + "  chat/role/sent-first: 7\n  chat/gone/for-good: 1\n"
    choice = profiles.choose(profiles.parse(text, "later", ever=True))
    assert frozenset({"chat/role/sent-first"}) == choice.unscored
    assert (
        "chat/role/sent-first: the profile lists version 7, this suite has version 1",
        "chat/gone/for-good: the profile lists version 1, this suite has no such rule any more",
    ) == choice.moved


def test_only_narrows_a_profile_and_moves_nothing():
    choice = profiles.choose(profiles.load("chat-core-2026.1"), [BY_ID["chat/role/sent-first"]])
    assert (("chat/role/sent-first",), (), ()) == (tuple(r.id for r in choice.scored), choice.candidates, choice.moved)


def test_chat_tools_holds_all_of_chat_core_and_chat_full_all_of_both():
    core, tools, full = (profiles.load(f"chat-{name}-2026.1").rules.keys() for name in ("core", "tools", "full"))
    assert core < tools
    assert tools < full


def test_chat_core_takes_no_trials_and_no_feature_that_it_does_not_demand():
    choice = profiles.choose(profiles.load("chat-core-2026.1"))
    assert set() == {name for rule in choice.scored for name in rule.needs.probes} & profiles.IN_TRIALS
    assert {"", "usage", "stop"} == {rule.needs.feature for rule in choice.scored}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            OURS + "  chat/termination/done-snet: 1\n",
            "ours.yaml:5: there is no rule 'chat/termination/done-snet'; write:  chat/termination/done-sent",
        ),
        (OURS + "  chat/role/sent-first: 9\n", "5: there is no version 9 of chat/role/sent-first; write:"),
        (
            OURS + "  chat/role/sent-first: yes\n",
            "5: rules.chat/role/sent-first is true or false, wanted a whole number",
        ),
        (OURS + "demands: [tolls]\n", "5: no rule asks for a feature 'tolls'; write:  - tools"),
        (OURS + "demand: [tools]\n", "5: unknown key 'demand' in the file; write:  demands: [usage, tools]"),
        (OURS + "frozen: 2026-11-20\n", "frozen: '2026-11-20'"),
        ("profile: Ours!\nsays: x\nrules: {chat/role/sent-first: 1}", "is not a name of small letters"),
        ("profile: ours\nsays: x\nrules: {}", "rules"),
        ("profile: ours\nsays: x", "write, below it:  rules: {chat/termination/done-sent: 1}"),
        (OURS + "  chat/termination/done-sent: 1\n", "is written twice"),
        ("", "is empty; write at least"),
        ("rules: [", "this is not YAML"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line_and_what_to_write(text, says, tmp_path):
    (tmp_path / "ours.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        profiles.find(str(tmp_path / "ours.yaml"))
    assert says in str(caught.value)


def test_a_name_that_is_none_is_answered_by_the_nearest():
    with pytest.raises(ConfigurationError, match=r"write:  chat-core-2026\.1"):
        profiles.find("chat-core-2026")
