"""Chance without a state: the same seed, choice and step give the same number, whatever else is drawn."""

import hashlib
import secrets
import struct

BITS = 53
"""Of a double's fraction."""


def chance(seed: int, choice: int, step: int) -> float:
    """A number from 0 up to, not including, 1."""
    said = seed.to_bytes(17, "little", signed=True) + struct.pack("<QQ", choice, step)
    drawn = int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little")
    return (drawn >> (64 - BITS)) / (1 << BITS)


def seed_of(asked: int | None) -> int:
    """The seed that was asked for, brought into bounds; without one a new one."""
    return secrets.randbits(128) if asked is None else asked % (1 << 128)
