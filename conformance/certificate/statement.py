"""The in-toto statement of a bundle: the result of a test run, and the digest of every file. Signs nothing.

Made of the certificate and the files, and of nothing else. https://in-toto.io/attestation/test-result/v0.1 wants a
result, the configuration, and the names of tests. A rule that fails is in `failedTests` even where it is known to; one
that warns or is tolerated is in `warnedTests`.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from conformance.protocols.finding import shorten

from .certificate import Certificate, Level, document
from .parts import PROFILE, STATEMENT, Trouble, in_order, part_of

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


def statement_of(certificate: Certificate, files: Mapping[str, bytes]) -> bytes:
    """The statement about these files; that of the bundle itself may be among them, and is not its own subject."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in in_order(files) if name != STATEMENT}
    return document(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in digests.items()],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "result": result_of(certificate),
                "configuration": [
                    {
                        "name": certificate.facts.profile,
                        "digest": {"sha256": digests.get(PROFILE, "")},
                        "annotations": {
                            "level": certificate.level.value,
                            "suite": certificate.facts.suite,
                            "target": certificate.facts.target,
                            "model": certificate.facts.model,
                            "date": certificate.facts.date,
                        },
                    }
                ],
                "passedTests": list(certificate.passed),
                "warnedTests": [line.rule for line in (*certificate.warned, *certificate.tolerated)],
                "failedTests": [line.rule for line in (*certificate.red, *certificate.known)],
            },
        }
    )


def result_of(certificate: Certificate) -> str:
    """The result in the words of the predicate."""
    if certificate.level is Level.NOT:
        return "FAILED"
    if certificate.level is Level.KNOWN or certificate.warned or certificate.tolerated:
        return "WARNED"
    return "PASSED"


class StatementError(ValueError):
    """The payload is no statement; says why."""


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    digest: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Statement:
    subject: tuple[_Subject, ...]


def digest_troubles(payload: bytes, files: Mapping[str, bytes], told: Collection[str]) -> list[Trouble]:
    """Files that are not what the statement says: missing, added, changed. Those in `told` were told of before.

    Raises StatementError.
    """
    try:
        subjects = msgspec.json.decode(payload, type=_Statement).subject
    except (ValueError, RecursionError) as error:
        raise StatementError("its payload is no in-toto statement") from error
    digests = {subject.name: subject.digest.get("sha256", "") for subject in subjects}
    troubles = []
    for name, digest in digests.items():
        if name in told:
            continue
        if name not in files:
            troubles.append(Trouble(part_of(name), shorten(name), "missing: the statement lists it"))
        elif (is_now := hashlib.sha256(files[name]).hexdigest()) != digest:
            says = f"changed: its SHA-256 is {is_now}, and the statement has {shorten(digest)}"
            troubles.append(Trouble(part_of(name), name, says))
    added = [name for name in files if name not in digests and name != STATEMENT and name not in told]
    return troubles + [Trouble(part_of(name), name, "added: the statement does not list it") for name in added]
