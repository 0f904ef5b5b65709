"""`streamspec keys`: make and show keys that certificates are signed by. Signs nothing."""

import os
from pathlib import Path

import click

from .terminal import fail, out, say

KEY_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def keys() -> None:
    """Keys (Ed25519) that certificates are signed by."""


@keys.command()
@click.option("--out", "path", type=KEY_FILE, required=True, help="File for the private key; the public one: OUT.pub.")
@click.option("--passphrase-env", metavar="NAME", help="Environment variable with the passphrase; else you are asked.")
@click.option("--no-passphrase", is_flag=True, help="Do not encrypt the private key.")
def new(path: Path, passphrase_env: str | None, no_passphrase: bool) -> None:
    """Make a pair of keys. Nothing that is there is ever overwritten.

    \b
    streamspec keys new --out our.key
    streamspec certify my-server --profile chat-core-2026.1 --out bundle.zip --sign our.key
    streamspec verify bundle.zip --key our.key.pub
    """  # noqa: D301 - click's mark
    from conformance.certificate.keys import KeyFileError, make

    if no_passphrase and passphrase_env:
        fail("--no-passphrase and --passphrase-env undo each other; leave one out")
    try:
        passphrase = "" if no_passphrase else passphrase_of(passphrase_env, new=True)
        signer = make(path, passphrase)
    except KeyFileError as problem:
        fail(str(problem))
    out.print(f"{path} signs: keep it secret. {path}.pub verifies: publish it.", markup=False, soft_wrap=True)
    out.print(f"key {signer.public_key.keyid}", markup=False, soft_wrap=True)
    if not passphrase:
        say(f"{path} is not encrypted: whoever can read it can sign in your name")


@keys.command()
@click.argument("path", type=KEY_FILE, metavar="KEY.pub")
def show(path: Path) -> None:
    """Show the id of a public key, as `streamspec verify` tells it."""
    from conformance.certificate.keys import KeyFileError, read_public

    try:
        out.print(f"key {read_public(path).keyid}", markup=False, soft_wrap=True)
    except KeyFileError as problem:
        fail(str(problem))


def passphrase_of(variable: str | None, *, new: bool = False) -> str:
    """The passphrase in the environment variable, or what is typed. An empty one ends the command."""
    if variable is None:
        try:
            typed: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
        except click.Abort:
            fail("no passphrase was given; --passphrase-env NAME takes it from the environment")
        return typed
    passphrase = os.environ.get(variable, "")
    if not passphrase:
        fail(f"the environment variable {variable} is empty or not there; it has to hold the passphrase")
    return passphrase
