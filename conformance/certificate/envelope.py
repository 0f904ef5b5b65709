"""A statement in its envelope (DSSE), signed or not, as one exact text. Knows neither the statement nor the bundle.

A DSSE envelope leaves much open: white space, the order of members, the spelling of base64. Here one spelling is
allowed, so that a changed byte is a changed envelope, wherever it is.
"""

import json
from binascii import Error as Base64Error

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class EnvelopeError(ValueError):
    """The text is no such envelope; says why."""


def sealed(payload: bytes, signer: CryptoSigner | None) -> bytes:
    """The text of an envelope around the payload; without a signer it has no signature."""
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    if signer is not None:
        envelope.sign(signer)
    return _text(envelope)


def opened(text: bytes) -> Envelope:
    """The envelope that this text is. Raises EnvelopeError."""
    try:
        envelope = Envelope.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Base64Error) as error:
        raise EnvelopeError("it is no DSSE envelope") from error
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EnvelopeError("its payload is no in-toto statement")
    if len(envelope.signatures) > 1:
        raise EnvelopeError("it has several signatures, and one is what can be judged here")
    if any(signature.unrecognized_fields for signature in envelope.signatures.values()) or _text(envelope) != text:
        raise EnvelopeError("it is not written as `streamspec certify` writes it")
    return envelope


def signer_of(envelope: Envelope) -> str:
    """The id of the key that it says it was signed by, "" where it is not signed."""
    return next(iter(envelope.signatures), "")


def fits(envelope: Envelope, key: SSlibKey) -> bool:
    """Whether the signature was made by this key over this payload."""
    try:
        envelope.verify([key], 1)
    except (VerificationError, UnverifiedSignatureError):
        return False
    return True


def _text(envelope: Envelope) -> bytes:
    return (json.dumps(envelope.to_dict(), indent=2) + "\n").encode()
