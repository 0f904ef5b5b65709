"""How long it takes to verify a hundred bundles, judging every recording again, and to make a site of them.

    pytest tests/bench/test_site_speed.py -m bench -s -p no:cacheprovider

As a ratio to the suite's plainest work on the same evidence in the same run: reading and judging it by `check`.
"""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import profiles
from conformance.certificate import storing
from conformance.certificate.making import make
from conformance.certificate.parts import RECORDINGS
from conformance.checking import check
from conformance.results.entry import Entry, entries
from conformance.results.site import files_of
from conformance.results.storing import write
from tests.certificate.making import signer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
KEPT = Path(__file__).parents[1] / "certificate" / "kept"
BUNDLES = 100
ALLOWED_RATIO = 2.0
"""It was 0.53: a bundle is judged by one profile and in one go, `check` judges each recording by every rule."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A hundred bundles of chat-core, good ones and bad ones, each signed and each another."""
    folder = tmp_path_factory.mktemp("bundles")
    choice = profiles.choose(profiles.load("chat-core-2026.1"))
    for number in range(BUNDLES):
        kept = storing.read(KEPT / ("good.zip" if number % 2 else "bad.zip")).files
        recordings = {name: content for name, content in kept.items() if name.startswith(RECORDINGS)}
        facts = replace(facts_of(kept), target=f"server-{number:03}")
        made = make(facts, recordings, choice=choice, signer=signer("ours"))
        storing.write(folder / f"{number}.zip", made.files)
    return folder


def facts_of(files):
    from conformance.certificate.certificate import read
    from conformance.certificate.fingerprint import fingerprint

    return replace(read(files["certificate.json"]), code=fingerprint())


def test_a_hundred_bundles_are_a_site_soon(folder, tmp_path):
    paths = sorted(folder.glob("*.zip"))
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for name, content in storing.read(paths[0]).files.items():
        if name.startswith(RECORDINGS):
            (recordings / name.removeprefix(RECORDINGS)).write_bytes(content)
    list(check([recordings]))
    started = time.process_time()
    list(check([recordings]))
    alone = time.process_time() - started

    cpu, clock = time.process_time(), time.monotonic()
    found = [each for each in entries(paths, {}) if isinstance(each, Entry)]
    count = write(tmp_path / "site", files_of(found, [], with_bundles=True))
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    assert BUNDLES == len(found)
    ratio = cpu / (BUNDLES * alone)
    print(
        f"\n{BUNDLES} bundles, {count} files: {cpu:.1f} s of CPU in one process, {clock:.1f} s by the clock, load "
        f"{os.getloadavg()[0]:.1f}; {ratio:.2f} times what `check` takes for the same recordings"
    )
    assert ratio <= ALLOWED_RATIO
