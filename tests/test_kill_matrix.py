"""Every mutant of every rule against every rule: its own rule catches it, and nobody else but those it names."""

import pytest

from conformance import proof
from conformance.rules import ALL
from conformance.rules.rule import Rule


@pytest.mark.parametrize("rule", ALL, ids=[rule.id for rule in ALL])
def test_its_mutants_are_caught_by_it_and_by_those_it_names(rule: Rule) -> None:
    kills = list(proof.matrix([rule]))
    assert [] == [kill.name for kill in kills if not kill.caught], "caught on no probe"
    assert [] == [(kill.name, kill.missed) for kill in kills if kill.missed], "changed an answer, and was not noticed"
    assert [] == [(kill.name, kill.strangers) for kill in kills if kill.strangers], "noticed by other rules"
    if not rule.broken_when:  # else test_trial_matrix looks at mutants and behaviours together
        fired = {name for kill in kills for name in kill.companions}
        assert set(rule.also_breaks) == fired, "also_breaks names a rule that no mutant breaks"
