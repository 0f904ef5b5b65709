"""`streamspec verify`: check a certificate without trusting who made it. Verifies nothing itself."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.report.machine import suite
from conformance.report.text import print_line

from .keys import KEY_FILE
from .terminal import RED, UNUSABLE, fail
from .writing import JSON, screen_of, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from conformance.certificate.verifying import Verification


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE")
@click.option(
    "--key", "key_file", type=KEY_FILE, metavar="PUB", help="A key that you trust: it has to be signed by this one."
)
@click.option("--light", is_flag=True, help="Signature and digests only; the recordings are not judged again.")
@JSON
def verify(bundle: Path, key_file: Path | None, light: bool, json_file: Path | None) -> None:
    """Check a certificate: who signed it, that no file was changed, and that its verdicts follow from its recordings.

    The recordings are judged again here, by the profile in the bundle; nothing is sent, and nothing of the bundle is
    believed. Without --key it can only be told that the bundle is of a piece, and not whose it is.

    Exit status: 0 it holds, and the target is certified (known failures or not); 1 something does not hold, or it says
    "not certified"; 2 it could not be verified.
    """
    from conformance.certificate import as_json
    from conformance.certificate.certificate import Level
    from conformance.certificate.keys import KeyFileError, read_public
    from conformance.certificate.storing import BundleError, read
    from conformance.certificate.verifying import verify as verify_bundle

    try:
        key = read_public(key_file) if key_file else None
        found = verify_bundle(read(bundle), key=key, light=light)
    except (KeyFileError, BundleError) as problem:
        fail(str(problem))
    _tell(found, bundle, screen_of(json_file))
    write_json(json_file, {"bundle": bundle.name, "suite": suite(), **as_json.of(found)})
    if not found.troubles and not found.holds:
        sys.exit(UNUSABLE)
    certified = found.certificate is not None and found.certificate.level is not Level.NOT
    sys.exit(0 if found.holds and certified else RED)


def _tell(found: "Verification", bundle: Path, screen: "Console") -> None:
    """What was found, the worst first."""
    for trouble in found.troubles:
        print_line(screen, f"DOES NOT HOLD  {trouble.told}", "red")
    if (certificate := found.certificate) is not None:
        facts, numbers = certificate.facts, certificate.counts.items()
        counts = ", ".join(f"{number} {verdict}" for verdict, number in numbers if number)
        print_line(screen, f"{facts.target}, model {facts.model}, {facts.url}, {facts.date}")
        print_line(screen, f"  {certificate.level.value} by {facts.profile}: {counts}")
        for reason in certificate.against:
            print_line(screen, f"  {reason}")
        for known in certificate.known:
            print_line(screen, f"  {known.rule}: {known.why}")
    print_line(screen, f"  {found.signed.says}")
    print_line(screen, f"  {found.rejudged.value}")
    for remark in found.remarks:
        print_line(screen, f"  not verified: {remark}", "yellow")
    outcome = "holds" if found.holds else "does not hold" if found.troubles else "cannot be verified by this version"
    print_line(screen, f"{bundle} {outcome}", "bold green" if found.holds else "bold red")
