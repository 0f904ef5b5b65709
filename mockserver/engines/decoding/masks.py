"""What the mask of a guide says of each token. Knows no guide."""

from typing import Any

import numpy as np


def allowed_by(mask: Any, vocabulary: int) -> Any:
    """A mask in either of its forms (see request.Guide) as one bool for each token of so many."""
    if mask.dtype.kind != "b":
        mask = np.unpackbits(np.ascontiguousarray(mask).view(np.uint8), bitorder="little").astype(bool)
    told: Any = np.zeros(vocabulary, dtype=bool)
    told[: len(mask)] = mask[:vocabulary]
    return told
