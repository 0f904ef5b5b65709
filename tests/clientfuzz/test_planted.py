"""Clients that are bad on purpose: found within 200 examples and shrunk to three events, or found in the catalogue."""

import sys
from pathlib import Path

import pytest

from conformance.clientfuzz import running
from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.outcome import Outcome, Verdict
from conformance.clientfuzz.playing import Limits
from conformance.clientfuzz.processes import Command
from conformance.clientfuzz.running import Plan
from conformance.clientfuzz.searching import size

CLIENTS = Path(__file__).parent / "clients"
TIMEOUT, LIMIT = 1.0, 8.0
SEED = 6
BAD = {
    "ignores_truncation": Outcome.SILENT,
    "splits_on_separators": Outcome.ERROR,
    "knows_no_crlf": Outcome.ERROR,
    "gives_up_at_comments": Outcome.ERROR,
    "waits_for_done": Outcome.HANG,
    "merges_calls": Outcome.WRONG,
}
"""What each does, at least."""
BAD_TOO = {
    "decodes_each_read": ("legal/plain/text/*", Outcome.WRONG),
    "reads_on_after_done": ("transport/after-done/*", Outcome.WRONG),
    "makes_up_the_finish": ("transport/cut/ended/*", Outcome.SILENT),
    "ignores_errors": ("mutant/chat/envelope/choices-array*", Outcome.SILENT),
    "needs_data_in_each_event": ("legal/blocks/retry/*", Outcome.ERROR),
    "keeps_the_mark": ("legal/encoding/mark*/per-event", Outcome.SILENT),
    "takes_one_data_line": ("legal/fields/several-data/*", Outcome.ERROR),
    "needs_a_space": ("legal/fields/no-space/*", Outcome.ERROR),
    "dies_of_what_it_does_not_know": ("transport/status/500", Outcome.CRASH),
    "says_the_role": ("mutant/chat/role/*", Outcome.WRONG),
}
"""Which cases of the catalogue show it, and how."""


def campaign(client: str, folder: Path, examples: int, seed: int = SEED) -> running.Made:
    command = Command((sys.executable, str(CLIENTS / f"{client}.py")), timeout=TIMEOUT)
    plan = Plan(
        command=command,
        cases=(),
        examples=examples,
        seed=seed,
        limits=Limits(case=LIMIT),
        jobs=1,
        save=folder,
    )
    return running.run(plan, lambda result: None)


def test_every_bad_client_is_tried():
    assert {"careful", *BAD, *BAD_TOO} == {file.stem for file in CLIENTS.glob("*.py")}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", BAD)
def test_a_bad_client_is_found_and_its_failures_are_small(client, tmp_path):
    made = campaign(client, tmp_path, 200)
    assert made.examples is not None
    failures = {result.outcome: size(result.case)[0] for result in made.examples.failures}
    assert BAD[client] in failures, failures
    assert failures[BAD[client]] <= 3, failures


@pytest.mark.parametrize("client", BAD_TOO)
def test_a_bad_client_is_found_in_the_catalogue(client, played):
    pattern, outcome = BAD_TOO[client]
    results = played(client, chosen([pattern]))
    assert outcome in {result.outcome for result in results.values() if result.verdict is Verdict.FAIL}
