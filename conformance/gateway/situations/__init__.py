"""Every situation, in the order in which they are tried: those that a gateway may take offence at come last."""

from . import streams, troubles
from .situation import About, Situation

ALL: tuple[Situation, ...] = (
    *streams.GOOD,
    *streams.PACE,
    *streams.UNUSUAL,
    *troubles.REQUESTS,
    *troubles.BROKEN,
    *troubles.REFUSED,
)

__all__ = ["ALL", "About", "Situation"]
