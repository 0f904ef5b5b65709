"""`streamspec certify`: run a profile against a target and keep what came as evidence. Judges nothing itself."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from conformance import profiles
from conformance.known import Known
from conformance.known_file import UNNAMED
from conformance.launching import LaunchError
from conformance.probes.connection import Unreachable
from conformance.protocols.credentials import SECRET
from conformance.report.machine import suite
from conformance.report.text import print_line
from conformance.rules import ALL
from conformance.targets import ConfigurationError, Target

from . import targeting
from .keys import KEY_FILE, passphrase_of
from .known import listed
from .picking import pick_profile
from .recorded import recorded
from .run import MODES, run_one
from .targeting import TARGET, WHOLE_RUN, choose_one
from .terminal import RED, fail, out, say

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

    from conformance.certificate.certificate import Certificate, KnownFailure
    from conformance.certificate.making import Made

SHOWN = 10


@click.command()
@targeting.options(*TARGET, *WHOLE_RUN)
@click.option(
    "--profile", required=True, metavar="NAME", help=f"{', '.join(profiles.NAMES)}, or a YAML file: these rules count."
)
@click.option(
    "--out", "bundle", required=True, type=click.Path(path_type=Path), help="The bundle: a new folder, or NAME.zip."
)
@click.option("--name", metavar="TEXT", help="What the certificate calls the target; else its name, or its host.")
@click.option(
    "--recordings",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Send nothing: certify what `streamspec run TARGET --record DIR` has kept.",
)
@click.option("--date", metavar="DAY", help="When that was, like 2026-12-31; where the recordings do not say it.")
@click.option("--sign", "key", type=KEY_FILE, metavar="KEY", help="Sign by this private key (`streamspec keys new`).")
@click.option("--passphrase-env", metavar="NAME", help="Environment variable with the key's passphrase.")
def certify(profile: str, bundle: Path, key: Path | None, passphrase_env: str | None, **options: Any) -> None:
    """Judge a target by a profile, and write a bundle that anybody can verify: certificate, report, every recording.

    Without TARGET or --url it is the built-in mock server. What is certified is what the recordings show, judged anew
    from them. They hold no credentials, but they do hold what was said.

    \b
    streamspec certify my-server --profile chat-core-2026.1 --out bundle.zip --sign our.key --note version=1.2
    streamspec verify bundle.zip --key our.key.pub

    Exit status: 0 certified, known failures or not; 1 not certified, and the bundle says why; 2 no bundle was made.
    """  # noqa: D301 - click's mark
    from conformance.certificate.keys import KeyFileError
    from conformance.certificate.making import MakingError
    from conformance.certificate.storing import BundleError, check_room, write

    options["profile"] = profile
    if profile in MODES:
        fail(f"{profile} is no list of rules, and a certificate is about one; there are {', '.join(profiles.NAMES)}")
    if passphrase_env and key is None:
        fail("--passphrase-env goes with --sign")
    try:
        if options["date"] and not options["recordings"]:
            fail("--date goes with --recordings; a run knows its own")
        check_room(bundle)
        signer = _signer(key, passphrase_env)
        with _folder(options["recordings"]) as recordings:
            made = _made(options, recordings, signer)
            write(bundle, made.files)
    except (
        ConfigurationError,
        LaunchError,
        Unreachable,
        LookupError,
        KeyFileError,
        MakingError,
        BundleError,
    ) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot write {bundle}: {problem.strerror}")
    except KeyboardInterrupt:
        fail("interrupted; no bundle is written")
    _tell(made.certificate, bundle, key)
    sys.exit(RED if made.certificate.level.value == "not certified" else 0)


def _signer(key: Path | None, passphrase_env: str | None) -> "CryptoSigner | None":
    """What signs, found before anything is sent. Raises KeyFileError."""
    from conformance.certificate.keys import PassphraseNeededError, read_private

    if key is None:
        return None
    if passphrase_env is not None:
        return read_private(key, passphrase_of(passphrase_env))
    try:
        return read_private(key)
    except PassphraseNeededError:
        return read_private(key, passphrase_of(None))


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder of the recordings. One that is made here goes, unless what is in it could not be written elsewhere."""
    if given is not None:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="streamspec-"))
    try:
        yield folder
    except OSError:
        if any(folder.iterdir()):
            say(f"what was recorded is in {folder}; certify it by  --recordings {folder} --date DAY")
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _made(options: dict[str, Any], folder: Path, signer: "CryptoSigner | None") -> "Made":
    """The run, and the bundle that is made of it. `folder`: where its recordings are, or are put."""
    from conformance.certificate.certificate import Facts
    from conformance.certificate.fingerprint import fingerprint
    from conformance.certificate.making import make
    from conformance.certificate.storing import recordings_in

    choice = pick_profile(options["profile"], ALL)
    target = choose_one(options, "certificate", choice.profile.demands)
    known = listed(options["known_file"], update=False)
    if options["recordings"]:
        recordings = recordings_in(folder)
        report = recorded(target, recordings, options["date"])
    else:
        report = run_one(target, choice.scored, choice, folder, options, known=known)
        recordings = recordings_in(folder)
    facts = Facts(
        target=options["name"] or (urlsplit(report.url).netloc if report.target == UNNAMED else report.target),
        url=report.url,
        model=report.model,
        date=report.started,
        seconds=round(report.seconds, 3),
        suite=suite(),
        code=fingerprint(),
        profile=choice.profile.name,
        profile_sha256=choice.profile.digest,
        dialect=report.dialect,
        dialect_reason=report.dialect_reason,
        features=tuple(sorted(target.features)),
        known_failures=_known(report.target, [*target.known_failures, *known]),
        notes=options["notes"],
        problem="; ".join(filter(None, (report.problem, *report.unmatched))),
    )
    secrets = _secrets(target)
    return make(facts, recordings, choice=choice, live=report.verdicts, signer=signer, secrets=secrets)


def _known(target: str, entries: Sequence[Known]) -> "tuple[KnownFailure, ...]":
    from conformance.certificate.certificate import KnownFailure

    return tuple(
        KnownFailure(
            rule=entry.rule,
            reason=entry.reason,
            link=entry.link,
            probe=entry.probe,
            until=entry.until.isoformat() if entry.until else "",
            flaky=entry.flaky,
        )
        for entry in entries
        if fnmatchcase(target, entry.target)
    )


def _secrets(target: Target) -> list[str]:
    """What may stand nowhere in a bundle."""
    hidden = [value for name, value in target.headers.items() if SECRET.search(name)]
    return [secret for secret in (os.environ.get(target.key_env, ""), *hidden) if secret]


def _tell(certificate: "Certificate", bundle: Path, key: Path | None) -> None:
    facts = certificate.facts
    counts = ", ".join(f"{number} {verdict}" for verdict, number in certificate.counts.items() if number)
    said = [f"{facts.target}: {certificate.level.value}, {facts.profile}", f"  {counts}"]
    said += [f"  {reason}" for reason in certificate.against]
    said += [f"  {each.verdict.value} {each.rule}  {each.says}" for each in certificate.red[:SHOWN]]
    if len(certificate.red) > SHOWN:
        said.append(f"  and {len(certificate.red) - SHOWN} more; {bundle} has them all")
    how = f"streamspec verify {bundle}" + (f" --key {key}.pub" if key else "")
    said.append(f"  {bundle} is written; {how}")
    for each in said:
        print_line(out, each)
    if key is None:
        say("it is not signed: anybody could have made it, and can change it")
