"""Habits that change nothing, for tests that change one of them."""

import pytest

from mockserver.chaos import Habits


@pytest.fixture
def plain() -> Habits:
    return Habits(
        seed="test",
        merges=0,
        splits=0,
        role_alone=True,
        finish_alone=True,
        together=0,
        interleaves=False,
        drops_nulls=0,
        adds_unknown=0,
        shuffles=False,
        style="compact",
        escapes=False,
        line_end=b"\n",
        space=True,
        comments=0,
        blank_lines=0,
        cuts=0,
        joins=0,
        closes=False,
        case=0,
    )
