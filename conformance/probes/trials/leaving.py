"""Trials of leaving: a client goes before the answer is over, and the server is watched."""

from .trial import Trial

LEAVING: tuple[Trial, ...] = ()
