"""One bundle as the site shows it: what was verified of it, and what it says of each rule. Renders nothing."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing import get_context
from pathlib import Path

from conformance.certificate import archive
from conformance.certificate import claims as claimed
from conformance.certificate.certificate import Certificate
from conformance.certificate.parts import REPORT, STATEMENT
from conformance.certificate.signature import Signature
from conformance.certificate.storing import ARCHIVE, BundleError, read
from conformance.certificate.verifying import Verification, verify
from conformance.report.stored import StoredRule
from conformance.verdicts import Verdict

PLAIN = re.compile("[^a-z0-9.]+")
LONGEST = 80


class State(Enum):
    """How a group of rules, or one rule, fares on a target."""

    GOOD = "holds"
    WARNED = "holds with warnings or tolerated deviations"
    KNOWN = "broken, as listed beforehand with a reason"
    BROKEN = "broken"
    NONE = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A bundle that holds."""

    slug: str
    """Of the target, profile and date, and of the bundle's digest: part of file names."""
    source: str
    verification: Verification
    certificate: Certificate
    claims: tuple[StoredRule, ...]
    signer: str
    """Whose key it is; "" where nobody here knows."""
    path: Path
    digest: str
    """SHA-256 of the bundle as an archive, as it was verified."""

    def state(self, claims: Sequence[StoredRule]) -> State:
        """How these rules fare, all of them together."""
        judged = [claim for claim in claims if claim.verdict is not Verdict.NOT_APPLICABLE]
        if any(claim.red for claim in judged):
            return State.BROKEN
        if any(claim.known for claim in judged):
            return State.KNOWN
        if any(claim.verdict is not Verdict.PASS for claim in judged):
            return State.WARNED
        return State.GOOD if judged else State.NONE

    @property
    def version(self) -> str:
        """Of the server, as its notes tell it."""
        return self.certificate.facts.notes.get("version", "")


@dataclass(frozen=True, slots=True)
class Refused:
    """A bundle that does not hold, and why."""

    source: str
    why: tuple[str, ...]


def bundles_in(paths: Sequence[Path]) -> list[Path]:
    """The bundles that are meant: each path itself, or those in the folder that it is. Raises BundleError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and not (path / STATEMENT).exists():
            inside = [each for each in sorted(path.rglob("*")) if each.name == STATEMENT or each.suffix == ARCHIVE]
            if not inside:
                raise BundleError(f"{path}: no bundle is in this folder")
            found += [each.parent if each.name == STATEMENT else each for each in inside]
        else:
            found.append(path)
    return found


def entries(
    paths: Sequence[Path], keys: Mapping[str, str], *, light: bool = False, workers: int = 1
) -> Iterator[Entry | Refused]:
    """Every bundle, verified. `keys` has the names of those whose keys are known here, by the id of the key."""
    if workers == 1 or len(paths) == 1:
        yield from (_entry(path, keys, light) for path in paths)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        count = len(paths)
        yield from pool.map(_entry, paths, [keys] * count, [light] * count, chunksize=max(1, count // (4 * workers)))


def _entry(path: Path, keys: Mapping[str, str], light: bool) -> Entry | Refused:
    try:
        bundle = read(path)
    except BundleError as problem:
        return Refused(path.name, (str(problem),))
    found = verify(bundle, light=light)
    if not found.holds or found.certificate is None:
        return Refused(path.name, tuple(trouble.told for trouble in found.troubles) or found.remarks)
    facts = found.certificate.facts
    words = PLAIN.sub("-", f"{facts.target}-{facts.profile}-{facts.date[:10]}".lower()).strip("-.")
    digest = hashlib.sha256(archive.packed(bundle.files)).hexdigest()
    return Entry(
        slug=f"{words[:LONGEST]}-{digest[:8]}",
        source=path.name,
        verification=replace(found, report=None),  # it holds rules, which do not go from process to process
        certificate=found.certificate,
        claims=claimed.read(bundle.files[REPORT]).rules,
        signer=keys.get(found.signed.key, "") if found.signed.signature is Signature.ENCLOSED else "",
        path=path,
        digest=digest,
    )


def again(entry: Entry) -> Mapping[str, bytes]:
    """The files of the bundle, read again. Raises BundleError where it is no longer the one that was verified."""
    files = read(entry.path).files
    if hashlib.sha256(archive.packed(files)).hexdigest() != entry.digest:
        raise BundleError(f"{entry.path} was changed while the site was made")
    return files
