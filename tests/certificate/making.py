"""Bundles for tests: real runs against the mock server by a short profile, made, changed and made again."""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from conformance import profiles
from conformance.certificate import archive, claims
from conformance.certificate.certificate import Facts, KnownFailure, certify, text_of
from conformance.certificate.envelope import sealed
from conformance.certificate.fingerprint import fingerprint
from conformance.certificate.keys import make as make_key
from conformance.certificate.keys import public_pem
from conformance.certificate.making import Made, make
from conformance.certificate.page import page_of
from conformance.certificate.parts import CERTIFICATE, KEY, PAGE, RECORDINGS, REPORT, STATEMENT, Bundle
from conformance.certificate.statement import statement_of
from conformance.certificate.storing import recordings_in
from conformance.certificate.verifying import Verification, verify
from conformance.report.machine import suite
from conformance.running import Order, run_target
from conformance.targets import given
from mockserver.app import running

PROFILE = """\
profile: for-tests
says: a few rules of each kind
demands: [usage, stop]
rules:
  http/status/streams: 1
  http/headers/event-stream: 1
  http/headers/cache-control: 1
  sse/events/ended: 1
  sse/encoding/utf8: 1
  chat/role/sent-once: 1
  chat/order/finish-once: 1
  chat/usage/sent-when-asked: 1
  chat/termination/done-sent: 1
  chat/twin/same-text: 1
"""
DONE = "chat/termination/done-sent"


@cache
def signer(name: str):
    with tempfile.TemporaryDirectory() as folder:
        return make_key(Path(folder) / name, "")


def choice():
    return profiles.choose(profiles.parse(PROFILE, "for-tests.yaml"))


@cache
def run(fault: str | None = None):
    """The recordings of a run, its report, and the facts."""
    with tempfile.TemporaryDirectory() as folder, running(fault=fault) as url:
        target = given(url, "mock")
        order = Order(rules=choice().scored, record_to=Path(folder), quick=True)
        report = asyncio.run(run_target(target, key=None, order=order))
        recordings = recordings_in(Path(folder))
    profile = choice().profile
    facts = Facts(
        target="mock",
        url=report.url,
        model="mock",
        date=report.started,
        seconds=round(report.seconds, 3),
        suite=suite(),
        code=fingerprint(),
        profile=profile.name,
        profile_sha256=profile.digest,
        dialect=report.dialect,
        features=("stop", "usage"),
    )
    return recordings, report, facts


@cache
def made(fault: str | None = None, *, signed: bool = True, known: str = "", name: str = "ours") -> Made:
    recordings, report, facts = run(fault)
    facts = replace(facts, known_failures=(KnownFailure(rule=DONE, reason=known),) if known else ())
    return make(facts, recordings, choice=choice(), live=report.verdicts, signer=signer(name) if signed else None)


def again(files: Mapping[str, bytes], *, facts: Facts, by: str = "ours") -> dict[str, bytes]:
    """What a liar makes of changed files: certificate, page, statement and signature all fit them."""
    files = dict(files)
    count = sum(name.startswith(RECORDINGS) for name in files)
    certificate = certify(facts, claims.read(files[REPORT]).rules, count)
    files |= {CERTIFICATE: text_of(certificate), PAGE: page_of(certificate), KEY: public_pem(signer(by))}
    return files | {STATEMENT: sealed(statement_of(certificate, files), signer(by))}


def verified(files: Mapping[str, bytes], key: str | None = "ours", *, light: bool = False) -> Verification:
    bundle = archive.unpacked(archive.packed(files))
    return verify(bundle, key=signer(key).public_key if key else None, light=light)


def of_folder(files: Mapping[str, bytes]) -> Bundle:
    return Bundle(dict(files), "directory")


def named(found: Verification) -> set[tuple[str, str]]:
    """The parts and files that do not hold."""
    return {(trouble.part.value, trouble.file) for trouble in found.troubles}
