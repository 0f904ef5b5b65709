"""A bundle to what holds of it and what does not. Touches no disk, and trusts nothing but the key that it is given.

Signature, digests, and then the content: the certificate, its page and the statement are made again from the facts and
the report; the report is made again from the recordings, by the rules of the profile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase

from securesystemslib.signer import SSlibKey

from conformance import profiles
from conformance.mistakes import ConfigurationError
from conformance.profiles import Profile
from conformance.protocols.finding import shorten
from conformance.report.stored import StoredRule
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.verdicts import RED, Report

from . import certificate as written
from . import claims as claimed
from . import evidence, judging
from .certificate import Certificate, CertificateError, Facts, FormatError, certify, document, text_of
from .claims import ClaimsError
from .envelope import EnvelopeError, opened
from .fingerprint import fingerprint
from .page import page_of
from .parts import (
    CERTIFICATE,
    NEEDED,
    PAGE,
    PROFILE,
    RECORDINGS,
    REPORT,
    STATEMENT,
    Bundle,
    Part,
    Trouble,
    limit_of,
    part_of,
)
from .signature import Signature, Signed, signature_of
from .statement import StatementError, digest_troubles, statement_of

SHOWN = 20
"""Rules that are named, of those whose claims do not hold, and of those that were not judged again."""


class Rejudged(Enum):
    """What became of the recordings."""

    ALL = "the recordings were judged again"
    SOME = "the recordings were judged again, but not by every rule"
    NONE = "the recordings were not judged again"
    UNWISHED = "the recordings were not judged again, as it was wished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was found."""

    form: str
    signed: Signed
    certificate: Certificate | None = None
    """What the bundle certifies, if that could be read; not to be believed where there is trouble."""
    profile: Profile | None = None
    own_profile: bool = False
    """The profile is none of the suite's: what it demands is the word of whoever made it."""
    rejudged: Rejudged = Rejudged.NONE
    report: Report | None = None
    """What the recordings show, where they were judged again."""
    troubles: tuple[Trouble, ...] = ()
    remarks: tuple[str, ...] = ()
    """What could not be verified, and why."""

    @property
    def holds(self) -> bool:
        """Nothing contradicts the certificate, and whatever was to be verified could be."""
        return not self.troubles and self.certificate is not None and self.rejudged is not Rejudged.NONE


@dataclass(slots=True)
class _Findings:
    """What is found on the way."""

    troubles: list[Trouble] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def note(self, part: Part, file: str, says: str) -> None:
        self.troubles.append(Trouble(part, file, says))


def verify(
    bundle: Bundle, *, key: SSlibKey | None = None, light: bool = False, rules: Sequence[Rule] = ALL
) -> Verification:
    """What holds of a bundle. With `key` it has to be signed by that one. `light`: the recordings are not judged."""
    found = _Findings(list(bundle.troubles))
    bundle = _without_excess(bundle, found)
    for name in NEEDED if bundle.files else ():
        if name not in bundle.files and not any(trouble.file == name for trouble in found.troubles):
            found.note(part_of(name), name, "missing")
    payload, signed = _statement(bundle, key, found)
    certificate, profile = None, None
    facts = _facts(bundle.files[CERTIFICATE], found) if CERTIFICATE in bundle.files else None
    if facts is not None and REPORT in bundle.files:
        certificate = _certificate(bundle, facts, payload, found)
    if facts is not None and PROFILE in bundle.files:
        profile = _profile(bundle.files[PROFILE], facts, found)
    rejudged, report = Rejudged.NONE, None
    if light:
        rejudged = Rejudged.UNWISHED
    elif not found.troubles and facts is not None and profile is not None:
        rejudged, report = _judge_again(bundle, facts, profile, rules, found)
    return Verification(
        form=bundle.form,
        signed=signed,
        certificate=certificate,
        profile=profile,
        own_profile=profile is not None and profile.name not in profiles.NAMES,
        rejudged=rejudged,
        report=report,
        troubles=tuple(found.troubles),
        remarks=tuple(found.remarks),
    )


def _without_excess(bundle: Bundle, found: _Findings) -> Bundle:
    """The bundle without files that are larger than theirs may be; these are noted."""
    excess = {name for name, content in bundle.files.items() if len(content) > limit_of(name)}
    for name in sorted(excess):
        found.note(part_of(name), name, f"it is larger than {limit_of(name)} bytes, which a bundle does not allow")
    return replace(bundle, files={name: content for name, content in bundle.files.items() if name not in excess})


def _statement(bundle: Bundle, key: SSlibKey | None, found: _Findings) -> tuple[bytes, Signed]:
    """The payload of the envelope, b"" where there is none, and who signed it. Notes files that are not as it says."""
    if STATEMENT not in bundle.files:
        return b"", Signed(Signature.NONE)
    try:
        envelope = opened(bundle.files[STATEMENT])
    except EnvelopeError as problem:
        found.note(Part.STATEMENT, STATEMENT, f"changed: {problem}")
        return b"", Signed(Signature.NONE)
    signed = signature_of(envelope, bundle.files, key)
    if signed.signature in (Signature.WRONG, Signature.STRANGER) or (signed.signature is Signature.NONE and key):
        found.note(Part.SIGNATURE, STATEMENT, signed.says)
    try:
        differing = digest_troubles(envelope.payload, bundle.files, {trouble.file for trouble in found.troubles})
        found.troubles += differing
        if differing and signed.signature is Signature.NONE:
            says = "it is not signed, so it may be what was changed, in place of the files that it does not fit"
            found.note(Part.STATEMENT, STATEMENT, says)
    except StatementError as problem:
        found.note(Part.STATEMENT, STATEMENT, f"changed: {problem}")
    return envelope.payload, signed


def _facts(text: bytes, found: _Findings) -> Facts | None:
    try:
        return written.read(text)
    except FormatError as problem:
        found.remarks.append(str(problem))
        return None
    except CertificateError as problem:
        found.note(Part.CERTIFICATE, CERTIFICATE, f"changed: {problem}")
        return None


def _certificate(bundle: Bundle, facts: Facts, payload: bytes, found: _Findings) -> Certificate | None:
    """The certificate that follows from its facts and the report; what else of the bundle does not is noted."""
    try:
        claims = claimed.read(bundle.files[REPORT])
        exchanges = sum(name.startswith(RECORDINGS) for name in bundle.files)
        certificate = certify(facts, claims.rules, exchanges)
    except ClaimsError as problem:
        found.note(Part.REPORT, REPORT, f"changed: {problem}")
        return None
    broken = {trouble.file for trouble in found.troubles}
    if broken & {CERTIFICATE, REPORT} or any(name.startswith(RECORDINGS) for name in broken):
        return certificate
    for name, value in claims.head.items():
        if getattr(facts, name) != value:
            found.note(Part.REPORT, REPORT, f"its {name} is not the one that the certificate names")
    if text_of(certificate) != bundle.files[CERTIFICATE]:
        found.note(Part.CERTIFICATE, CERTIFICATE, "it does not follow from the report")
    if PAGE not in broken and PAGE in bundle.files and page_of(certificate) != bundle.files[PAGE]:
        found.note(Part.PAGE, PAGE, "it does not say what the certificate says")
    if payload and not broken - {STATEMENT} and statement_of(certificate, bundle.files) != payload:
        found.note(Part.STATEMENT, STATEMENT, "it does not follow from the certificate and the files")
    return certificate


def _profile(text: bytes, facts: Facts, found: _Findings) -> Profile | None:
    """The profile of the bundle; what is wrong with it is noted."""
    try:
        profile = _known(text) or profiles.parse(text.decode(), PROFILE, ever=True)
    except (ConfigurationError, UnicodeError) as problem:
        found.note(Part.PROFILE, PROFILE, f"changed: {shorten(str(problem))}")
        return None
    if PROFILE in {trouble.file for trouble in found.troubles}:
        return profile
    if (profile.name, profile.digest) != (facts.profile, facts.profile_sha256):
        found.note(Part.PROFILE, PROFILE, "it is not the one that the certificate names")
    elif profile.name in profiles.NAMES and profile.digest != profiles.load(profile.name).digest:
        found.note(Part.PROFILE, PROFILE, f"it calls itself {profile.name}, and is not the profile of that name")
    elif profile.name not in profiles.NAMES:
        found.remarks.append(f"the profile {profile.name} is none of this suite's: what it demands is up to its maker")
    if lacking := sorted(profile.demands - set(facts.features)):
        found.note(Part.CERTIFICATE, CERTIFICATE, f"the profile demands {', '.join(lacking)}, and it was not judged")
    return profile


def _known(text: bytes) -> Profile | None:
    """The profile of the suite that this text is, None where it is none; reading one anew takes a while."""
    known = (profiles.load(name) for name in profiles.NAMES)
    return next((profile for profile in known if profile.text.encode() == text), None)


def _judge_again(
    bundle: Bundle, facts: Facts, profile: Profile, rules: Sequence[Rule], found: _Findings
) -> tuple[Rejudged, Report | None]:
    """What the recordings show; claims of the report that do not follow from them are noted."""
    choice = profiles.choose(profile, rules)
    found.remarks += [f"not judged again: {why}" for why in choice.moved[:SHOWN]]
    if (more := len(choice.moved) - SHOWN) > 0:
        found.remarks.append(f"not judged again: {more} more")
    if not choice.scored:
        return Rejudged.NONE, None
    read = evidence.read(bundle.files)
    if read.troubles:
        found.troubles += read.troubles
        return Rejudged.NONE, None
    try:
        report = judging.report_of(facts, read.exchanges, choice)
    except LookupError:
        found.remarks.append(f"this suite knows no dialect {facts.dialect!r}: the recordings were not judged again")
        return Rejudged.NONE, None
    claims = {claim.rule: claim for claim in claimed.read(bundle.files[REPORT]).rules}
    document_again = document(judging.as_json(report))
    shown = {claim.rule: claim for claim in claimed.read(document_again).rules}
    _compare(claims, shown, profile, [each.rule for each in facts.known_failures], found)
    missing = (*judging.missing(facts, read.exchanges, choice.scored), *read.absent)
    if lacking := [name for name in missing if name not in facts.missing]:
        found.note(Part.EVIDENCE, "", f"recordings that the profile needs are not there: {', '.join(lacking)}")
    for name, says in judging.of_another(facts, read.exchanges):
        found.note(Part.RECORDING, name, says)
    if facts.code == fingerprint():
        if not found.troubles and document_again != bundle.files[REPORT]:
            found.note(Part.REPORT, REPORT, "its words or figures are not what follows from the recordings")
    else:
        found.remarks.append(
            f"the bundle was made by another version ({facts.suite}, code {facts.code[:12]}): every verdict was judged "
            "again, but the words and figures of its report were not compared"
        )
    return (Rejudged.SOME if choice.moved else Rejudged.ALL), report


def _compare(
    claims: Mapping[str, StoredRule],
    shown: Mapping[str, StoredRule],
    profile: Profile,
    known: Collection[str],
    found: _Findings,
) -> None:
    """What the report claims and what the recordings show, rule by rule. `known`: what may fail."""
    said: list[str] = []
    for rule in profile.rules:
        claim, evident = claims.get(rule), shown.get(rule)
        if claim is None:
            said.append(f"it says nothing of {rule}, which the profile lists")
        elif evident is not None and _told(claim) != _told(evident):
            said.append(_differs(claim, evident))
    said += [f"it speaks of {rule}, which the profile does not list" for rule in claims if rule not in profile.rules]
    said += [
        f"it does not count {claim.rule}, which is {claim.verdict.value} and not listed as a known failure"
        for claim in claims.values()
        if claim.verdict in RED and not claim.red and not any(fnmatchcase(claim.rule, each) for each in known)
    ]
    for says in said[:SHOWN]:
        found.note(Part.REPORT, REPORT, says)
    if len(said) > SHOWN:
        found.note(Part.REPORT, REPORT, f"and {len(said) - SHOWN} other claims do not hold")


def _told(claim: StoredRule) -> tuple[object, ...]:
    """What follows from the evidence, whatever words a version of the suite has for it."""
    places = sorted(str((found.recording, found.event, found.span)) for found in claim.findings)
    return claim.level, claim.verdict, claim.red, claim.known, places


def _differs(claim: StoredRule, shown: StoredRule) -> str:
    if claim.verdict is not shown.verdict:
        return f"it claims {claim.verdict.value} of {claim.rule}, and the recordings show {shown.verdict.value}"
    if (claim.red, claim.known) != (shown.red, shown.known):
        return f"it does not count {claim.rule} as the recordings and the known failures have it"
    if claim.level != shown.level:
        return f"it calls {claim.rule} a rule of level {claim.level}, and it is {shown.level}"
    return f"its findings of {claim.rule} are not those that the recordings show"
