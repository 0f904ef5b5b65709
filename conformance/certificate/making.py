"""A run and its recordings to the files of a bundle. Touches no disk and sends nothing.

The certificate is about what the recordings show, judged as whoever verifies it will judge them. Where the run itself
came to another verdict, nothing is certified of that rule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from securesystemslib.signer import CryptoSigner

from conformance.probes.masking import LEAST_SECRET
from conformance.profiles import Choice
from conformance.protocols.exchange import Exchange
from conformance.verdicts import RuleVerdict

from . import claims as claimed
from . import evidence, judging
from .certificate import Certificate, Disagreement, Facts, certify, document, text_of
from .envelope import sealed
from .keys import public_pem
from .page import page_of
from .parts import CERTIFICATE, KEY, MAX_BUNDLE, MAX_FILES, PAGE, PROFILE, REPORT, STATEMENT, Part, limit_of, part_of
from .statement import statement_of


class MakingError(Exception):
    """No bundle can be made of this run; says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate and the bundle that it is in."""

    certificate: Certificate
    files: Mapping[str, bytes]


def make(
    facts: Facts,
    recordings: Mapping[str, bytes],
    *,
    choice: Choice,
    live: Sequence[RuleVerdict] = (),
    signer: CryptoSigner | None = None,
    secrets: Sequence[str] = (),
) -> Made:
    """The bundle of a run. `choice` is what the profile comes to, `live` are the verdicts of the run itself.

    Raises MakingError where a recording cannot be read, is of another target, or holds one of the secrets, and where
    all of it is more than a bundle may hold.
    """
    if choice.moved:
        raise MakingError(f"this suite cannot certify by {choice.profile.name}: {'; '.join(choice.moved)}")
    found = evidence.read(recordings)
    if found.troubles:
        first = found.troubles[0]
        raise MakingError(f"{first.file or 'the recordings'}: {first.says}")
    _check_secrets(secrets, recordings, found.exchanges)
    for name, says in judging.of_another(facts, found.exchanges):
        raise MakingError(f"{name}: {says}")
    facts = replace(
        facts,
        known_failures=tuple(judging.concerning(facts.known_failures, choice.scored)),
        missing=(*judging.missing(facts, found.exchanges, choice.scored), *found.absent),
    )
    report = judging.report_of(facts, found.exchanges, choice)
    facts = replace(facts, unverified=_disagreements(live, report.verdicts))
    files = {PROFILE: choice.profile.text.encode(), REPORT: document(judging.as_json(report)), **recordings}
    certificate = certify(facts, claimed.read(files[REPORT]).rules, len(recordings))
    files |= {CERTIFICATE: text_of(certificate), PAGE: page_of(certificate)}
    if signer is not None:
        files[KEY] = public_pem(signer)
    files[STATEMENT] = sealed(statement_of(certificate, files), signer)
    _check_size(files)
    return Made(certificate, files)


def _disagreements(live: Sequence[RuleVerdict], recorded: Sequence[RuleVerdict]) -> tuple[Disagreement, ...]:
    said = {verdict.rule.id: verdict.verdict for verdict in live}
    return tuple(
        Disagreement(verdict.rule.id, said[verdict.rule.id], verdict.verdict)
        for verdict in recorded
        if said.get(verdict.rule.id, verdict.verdict) is not verdict.verdict
    )


def _check_secrets(secrets: Sequence[str], files: Mapping[str, bytes], exchanges: Sequence[Exchange]) -> None:
    """A key that the target sends back is blotted out when it is recorded; where that failed, nothing is published."""
    for secret in secrets:
        needle = secret.encode()
        if len(needle) < LEAST_SECRET:
            continue
        beside = [each.beside for each in exchanges if each.beside is not None]
        told = [name for name, content in files.items() if needle in content]
        told += [each.source for each in (*exchanges, *beside) if needle in each.body]
        if told:
            raise MakingError(f"{told[0]} holds the API key, which the target has sent back; no bundle is written")


def _check_size(files: Mapping[str, bytes]) -> None:
    total = sum(map(len, files.values()))
    if len(files) > MAX_FILES or total > MAX_BUNDLE:
        allowed = f"{MAX_FILES} files and {MAX_BUNDLE >> 20} MiB are allowed"
        raise MakingError(f"the bundle would have {len(files)} files and {total >> 20} MiB; {allowed}")
    for name, content in files.items():
        if part_of(name) is Part.UNKNOWN:
            raise MakingError(f"{name!r} is no name of a recording")
        if len(content) > limit_of(name):
            raise MakingError(f"{name} would have {len(content)} bytes; {limit_of(name)} are allowed")
