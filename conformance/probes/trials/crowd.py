"""Trials of many requests at the same time."""

from .trial import Trial

CROWD: tuple[Trial, ...] = ()
