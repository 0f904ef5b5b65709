"""Trials of the target's pace: when things come, and whether they come as they are made."""

from .trial import Trial

PACE: tuple[Trial, ...] = ()
