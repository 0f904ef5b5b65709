"""Every trial, by name, in the order they are made. Knows no socket, no rule and no target."""

from .crowd import CROWD
from .lasting import LASTING
from .leaving import LEAVING
from .pace import PACE
from .trial import Trial

TRIALS: tuple[Trial, ...] = (*PACE, *LASTING, *CROWD, *LEAVING)
