"""Trials of many requests at the same time. What they have in common lies in `crowding`; here they are joined."""

from .crowd_burst import BURST
from .crowd_leaving import ONE_DOES_NOT_READ, ONE_LEAVES
from .crowd_streams import SIDE_BY_SIDE
from .trial import Trial

CROWD: tuple[Trial, ...] = (*SIDE_BY_SIDE, *ONE_LEAVES, ONE_DOES_NOT_READ, BURST)
