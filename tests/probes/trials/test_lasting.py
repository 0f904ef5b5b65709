"""Trials of one stream that is looked at for more than a second, in memory and in virtual time."""

import pytest

from conformance.judge import findings_of
from conformance.probes.trials.lasting import LASTING
from conformance.probes.trials.trial import Trial
from conformance.protocols.exchange import Ending
from conformance.trial_proof import noticed, rehearse

every_trial = pytest.mark.parametrize("trial", LASTING, ids=[trial.name for trial in LASTING])


@every_trial
def test_a_second_ends_between_the_first_chunk_and_the_last(trial: Trial) -> None:
    (exchange,) = rehearse(trial)
    first, last = (exchange.steps[place].event.at or 0.0 for place in (0, -1))
    assert Ending.LEFT is exchange.ending
    assert last - first > 1.0


@every_trial
def test_the_well_behaved_mock_breaks_no_rule(trial: Trial) -> None:
    assert set() == noticed(rehearse(trial))


@every_trial
def test_it_is_judged_by_the_rule_that_needs_it(trial: Trial) -> None:
    (exchange,) = rehearse(trial)
    protocol = "completions" if "completions" in trial.name else "chat"
    assert f"{protocol}/identity/created-constant" in findings_of(exchange)
