"""Legal chaos: wherever the protocol leaves freedom, another choice for each request, so that no client over-fits.

habits.py chooses, once per answer, from a seed and the request; varying.py changes what the messages are, spelling.py
how they are written. Knows no rule and no fault: nothing that comes out here is wrong.
"""

from .habits import Habits, habits_of
from .spelling import spelled
from .varying import varied

__all__ = ["Habits", "habits_of", "spelled", "varied"]
