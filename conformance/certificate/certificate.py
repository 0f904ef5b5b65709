"""A certificate: who was judged, by what, when, with what result. Knows no recording, no file and no key.

It follows from a few facts and from the verdicts of the report, and from nothing else, so that every later version of
the suite can make it again and compare.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

import msgspec

from conformance.report.stored import StoredRule
from conformance.verdicts import Verdict

T = TypeVar("T")
FORMAT = 1
"""Version of certificate.json and of what follows from it, its page among that; grows when either changes."""
LONGEST = 500
"""Characters of a reason."""


class Level(Enum):
    """How good a target is by a profile."""

    CERTIFIED = "certified"
    KNOWN = "certified with known failures"
    NOT = "not certified"


class CertificateError(ValueError):
    """The text is no certificate; says why."""


class FormatError(ValueError):
    """It is a certificate of a format that is not known here; says which."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A rule on which the run and its own recordings do not agree, so that nothing is certified of it."""

    rule: str
    live: Verdict
    recorded: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailure:
    """What is listed as known to fail, in the words of whoever had it judged."""

    rule: str
    """A rule's id, or a glob over ids."""
    reason: str
    link: str = ""
    probe: str = ""
    """Only what is found there; "" for everywhere."""
    until: str = ""
    """The last day on which it counts, ISO 8601."""
    flaky: bool = False
    """It may fail or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run besides its recordings. Nothing here can be checked by somebody who was not there."""

    target: str
    url: str
    """Without credentials."""
    model: str
    date: str
    """When the run began, ISO 8601 in UTC."""
    seconds: float
    suite: str
    """Name and version of what judged."""
    code: str
    """SHA-256 of what judged: a run of the same code comes to the same words."""
    profile: str
    profile_sha256: str
    dialect: str
    """Whose documented deviations are tolerated."""
    dialect_reason: str = ""
    features: tuple[str, ...] = ()
    """What the target declares, and what the profile demands."""
    known_failures: tuple[KnownFailure, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    """What else they said: the version of the server, say."""
    problem: str = ""
    """Why the run could not be made whole."""
    missing: tuple[str, ...] = ()
    """Probes that the profile needs, and exchanges of trials, that were not made."""
    unverified: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A rule and what is to be said of it."""

    rule: str
    verdict: Verdict
    says: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is certified."""

    certificate: int
    level: Level
    against: tuple[str, ...]
    """Why it is not certified, besides the rules that are red."""
    facts: Facts
    exchanges: int
    """Requests whose answers are in the bundle."""
    counts: dict[str, int]
    """How many rules got which verdict."""
    red: tuple[Line, ...]
    known: tuple[Line, ...]
    warned: tuple[Line, ...]
    tolerated: tuple[Line, ...]
    left_out: dict[str, int]
    """Why rules do not apply, and how many."""
    passed: tuple[str, ...]


def certify(facts: Facts, claims: Sequence[StoredRule], exchanges: int) -> Certificate:
    """The certificate that follows from these. `claims`: what the report says of each rule."""
    doubtful = {each.rule for each in facts.unverified}
    sure = [claim for claim in claims if claim.rule not in doubtful]
    red = tuple(_line(claim) for claim in sure if claim.red)
    listed = tuple(_line(claim) for claim in sure if claim.known and not claim.red)
    against = _against(facts, sure)
    level = Level.NOT if red or against else Level.KNOWN if listed else Level.CERTIFIED
    reasons = Counter(c.reason[:LONGEST] for c in sure if c.verdict is Verdict.NOT_APPLICABLE)
    numbers = Counter(claim.verdict for claim in sure)
    return Certificate(
        certificate=FORMAT,
        level=level,
        against=against,
        facts=facts,
        exchanges=exchanges,
        counts={verdict.value: numbers[verdict] for verdict in Verdict},
        red=red,
        known=listed,
        warned=tuple(_line(c) for c in sure if c.verdict is Verdict.WARN and not c.known and not c.red),
        tolerated=tuple(_line(c) for c in sure if c.verdict is Verdict.TOLERATED),
        left_out=dict(sorted(reasons.items())),
        passed=tuple(claim.rule for claim in sure if claim.verdict is Verdict.PASS and not claim.red),
    )


def _against(facts: Facts, sure: Sequence[StoredRule]) -> tuple[str, ...]:
    reasons = [facts.problem] if facts.problem else []
    if facts.missing:
        reasons.append(f"probes that the profile needs were not made: {', '.join(facts.missing)}")
    if doubtful := [each.rule for each in facts.unverified]:
        reasons.append(f"what the run said of {', '.join(doubtful)} does not follow from its recordings")
    if all(claim.verdict is Verdict.NOT_APPLICABLE for claim in sure):
        reasons.append("no rule was judged")
    return tuple(reasons)


def _line(claim: StoredRule) -> Line:
    return Line(claim.rule, claim.verdict, claim.message, claim.reason[:LONGEST])


def text_of(certificate: Certificate) -> bytes:
    """The certificate as it stands in a bundle."""
    return document(msgspec.to_builtins(certificate))


def document(value: object) -> bytes:
    """JSON as it stands in a bundle."""
    return (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class _Format:
    certificate: int


@dataclass(frozen=True, slots=True)
class _Written:
    facts: Facts


def read(text: bytes) -> Facts:
    """The facts of a certificate; all else in it follows from them, and from the report.

    Raises FormatError, CertificateError.
    """
    if (number := _decoded(text, _Format).certificate) != FORMAT:
        raise FormatError(f"it is a certificate of format {number}; this version reads format {FORMAT}")
    return _decoded(text, _Written).facts


def _decoded(text: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError) as error:
        raise CertificateError("it is no certificate") from error
