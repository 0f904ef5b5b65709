"""How often a regular expression repeats something, at the most. Knows no grammar, and reads no more than it has to.

A grammar takes time and memory with each repetition that is counted, and all who are served wait for it.
"""

import re

PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d+)(?P<more>,(?P<most>\d*))?\}|.", re.DOTALL)
NESTED, MOST = 5_000, 20_000
"""Repetitions that may be counted: of what repeats something itself, and of anything else."""


def too_often(pattern: str) -> bool:
    """Whether there are more repetitions in a pattern than are counted here."""
    outside: list[int] = []
    most = last = 1
    for piece in PIECE.finditer(pattern):
        if piece[0] == "(":
            outside.append(most)
            most = last = 1
        elif piece[0] == ")":
            last = most
            most = max(most, outside.pop()) if outside else most
        elif piece["least"] is not None:
            count = max(1, int(piece["most"] or piece["least"]))
            if last * count > (NESTED if last > 1 else MOST):
                return True
            last *= count
            most = max(most, last)
        elif piece[0] not in "?*+":
            last = 1
    return False
