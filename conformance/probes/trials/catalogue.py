"""Every trial, by name, in the order they are made. Knows no socket, no rule and no target."""

from .crowd import CROWD
from .leaving import LEAVING
from .pace import PACE
from .trial import Trial

TRIALS: tuple[Trial, ...] = (*PACE, *CROWD, *LEAVING)
