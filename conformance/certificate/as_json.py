"""What verifying a bundle has found, as JSON in the format of schemas/verification.json. Decides nothing."""

from typing import Any

import msgspec

from .verifying import Verification

FORMAT = 1
"""Version of the format; grows when a member changes its meaning or goes away."""


def of(found: Verification) -> dict[str, Any]:
    """All of it but the report."""
    return {
        "verification": FORMAT,
        "holds": found.holds,
        "form": found.form,
        "signature": {"state": found.signed.signature.value, "key": found.signed.key, "says": found.signed.says},
        "rejudged": found.rejudged.value,
        "own_profile": found.own_profile,
        "troubles": [{"part": each.part.value, "file": each.file, "says": each.says} for each in found.troubles],
        "remarks": list(found.remarks),
        "certificate": msgspec.to_builtins(found.certificate) if found.certificate else None,
    }
