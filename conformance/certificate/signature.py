"""Who signed a bundle, as far as that can be told. Knows no file but the key that is enclosed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from .envelope import fits, signer_of
from .keys import public_key
from .parts import KEY


class Signature(Enum):
    """What there is."""

    NONE = "not signed"
    GIVEN = "signed by the key that was given"
    ENCLOSED = "signed by the key that is enclosed"
    STRANGER = "signed by another key than the one that was given"
    WRONG = "the signature is wrong"


@dataclass(frozen=True, slots=True)
class Signed:
    """What there is, and by which key."""

    signature: Signature
    key: str = ""
    """The id of the key, as the envelope says it: the SHA-256 of its canonical JSON."""
    why: str = ""

    @property
    def says(self) -> str:
        """All of it in a sentence."""
        return self.signature.value + (f": {self.why}" if self.why else "") + (f" (key {self.key})" if self.key else "")


def signature_of(envelope: Envelope, files: Mapping[str, bytes], given: SSlibKey | None) -> Signed:
    """Who signed the envelope: the key that is given, or the one in the bundle, whose owner nobody vouches for."""
    signer = signer_of(envelope)
    if not signer:
        return Signed(Signature.NONE, why="a key is enclosed all the same" if KEY in files else "")
    try:
        enclosed = public_key(files[KEY]) if KEY in files else None
    except ValueError as problem:
        return Signed(Signature.WRONG, signer, f"the enclosed key: {problem}")
    if given is not None and given.keyid == signer:
        enclosed = given
    if enclosed is None or enclosed.keyid != signer:
        return Signed(Signature.WRONG, signer, "it names another key than the one that is enclosed")
    if not fits(envelope, enclosed):
        return Signed(Signature.WRONG, signer, "it does not belong to this statement")
    if given is None:
        return Signed(Signature.ENCLOSED, signer, "whose key that is, only --key with one that you trust can tell")
    if given.keyid != signer:
        return Signed(Signature.STRANGER, signer, f"wanted {given.keyid}")
    return Signed(Signature.GIVEN, signer)
