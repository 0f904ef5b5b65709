"""Keys of Ed25519: made, kept in files, read again. Signs nothing.

The private one is PKCS 8 in PEM, encrypted where there is a passphrase, and only its owner may read the file; the
public one is PEM, too, beside it in NAME.pub.
"""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

MAX_KEY = 64 * 1024
"""Bytes of a file that can be a key."""


class KeyFileError(Exception):
    """A key cannot be made or read; says why, and never what is in it."""


class PassphraseNeededError(KeyFileError):
    """The private key is encrypted and no passphrase was given."""


def make(path: Path, passphrase: str) -> CryptoSigner:
    """A new pair of keys at PATH and PATH.pub, which must not be there yet. "" as passphrase: not encrypted."""
    private = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    signer = CryptoSigner(private)
    texts = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), public_pem(signer)
    beside = path.with_name(f"{path.name}.pub")
    for file in (path, beside):
        if file.is_symlink() or file.exists():
            raise KeyFileError(f"{file} is there already, and is left as it is; give another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, texts[0], 0o600)
        _write(beside, texts[1], 0o644)
    except OSError as error:
        raise KeyFileError(f"cannot write {path}: {error.strerror}") from error
    return signer


def read_private(path: Path, passphrase: str = "") -> CryptoSigner:
    """What signs by the private key in a file. Raises KeyFileError; PassphraseNeededError where that is what lacks."""
    content = _read(path)
    try:
        private = load_pem_private_key(content, passphrase.encode() or None)
    except TypeError as error:
        if passphrase:
            raise KeyFileError(f"{path} is not encrypted, and a passphrase was given") from error
        raise PassphraseNeededError(f"{path} is encrypted; its passphrase is needed") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        said = "the passphrase is wrong, or the file is damaged" if passphrase else "it is no private key in PEM"
        raise KeyFileError(f"{path}: {said}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"{path} is a key of another kind; wanted Ed25519, as `streamspec keys new` makes it")
    return CryptoSigner(private)


def read_public(path: Path) -> SSlibKey:
    """The public key in a file. Raises KeyFileError."""
    try:
        return public_key(_read(path))
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from error


def public_key(content: bytes) -> SSlibKey:
    """The public key that this text is. Raises ValueError."""
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("it is no public key in PEM; wanted the NAME.pub that `streamspec keys new` makes") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a key of another kind; wanted Ed25519")  # noqa: TRY004 - what was given, not its type
    return SSlibKey.from_crypto(key)


def public_pem(signer: CryptoSigner) -> bytes:
    """The public key of this signer as text."""
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public_key.keyval["public"]))
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY)
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """A new file; one that is there already is an OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode) if hasattr(os, "fchmod") else None
        file.write(content)
