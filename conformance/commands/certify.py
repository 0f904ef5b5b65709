"""`streamspec certify`: run a profile against a target and keep what came as evidence. Judges nothing itself."""

import os
import sys
import tempfile
from collections.abc import Sequence
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
from conformance.rules import ALL
from conformance.targets import ConfigurationError, Target

from .keys import KEY_FILE, passphrase_of
from .known import listed
from .picking import pick_profile
from .recorded import recorded
from .run import MODES, choose, run, run_one
from .terminal import RED, fail, out, say

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

    from conformance.certificate.certificate import Certificate, KnownFailure
    from conformance.certificate.making import Made

SHARED = (
    "names",
    "url",
    "model",
    "dialect",
    "features",
    "slots",
    "observer",
    "notes",
    "known_file",
    "workers",
    "timeout",
    "key_env",
    "no_launch",
    "insecure",
    "file",
)
"""What is said of a target here as it is to `streamspec run`."""
SHOWN = 10


@click.command()
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

    options = {**dict.fromkeys(param.name for param in run.params), **options, "profile": profile}
    if profile in MODES:
        fail(f"{profile} is no list of rules, and a certificate is about one; there are {', '.join(profiles.NAMES)}")
    if passphrase_env and key is None:
        fail("--passphrase-env goes with --sign")
    try:
        if options["date"] and not options["recordings"]:
            fail("--date goes with --recordings; a run knows its own")
        check_room(bundle)
        signer = _signer(key, passphrase_env)
        made = _made(options, signer)
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


certify.params[:0] = [param for param in run.params if param.name in SHARED]


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


def _made(options: dict[str, Any], signer: "CryptoSigner | None") -> "Made":
    """The run, and the bundle that is made of it."""
    from conformance.certificate.certificate import Facts
    from conformance.certificate.fingerprint import fingerprint
    from conformance.certificate.making import make
    from conformance.certificate.storing import recordings_in

    choice = pick_profile(options["profile"], ALL)
    target, *others = choose(options.pop("names"), options, choice)
    if others:
        raise ConfigurationError("a certificate is about one target; give one name")
    known = listed(options["known_file"], update=False)
    if options["recordings"]:
        recordings = recordings_in(options["recordings"])
        report = recorded(target, recordings, options["date"])
    else:
        with tempfile.TemporaryDirectory(prefix="streamspec-") as folder:
            report = run_one(target, choice.scored, choice, Path(folder), options, known=known)
            recordings = recordings_in(Path(folder))
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
        notes=dict(note.split("=", 1) for note in options["notes"]),
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
    say_out = [f"{facts.target}: {certificate.level.value}, {facts.profile}", f"  {counts}"]
    say_out += [f"  {reason}" for reason in certificate.against]
    say_out += [f"  {line.verdict.value} {line.rule}  {line.says}" for line in certificate.red[:SHOWN]]
    if len(certificate.red) > SHOWN:
        say_out.append(f"  and {len(certificate.red) - SHOWN} more; {bundle} has them all")
    how = f"streamspec verify {bundle}" + (f" --key {key}.pub" if key else "")
    say_out.append(f"  {bundle} is written; {how}")
    for line in say_out:
        out.print(line, markup=False, soft_wrap=True)
    if key is None:
        say("it is not signed: anybody could have made it, and can change it")
