"""Strings and brackets of a JSON text, wherever it is cut."""

import json

from hypothesis import given
from hypothesis import strategies as st

from mockserver.reference.nesting import Nesting

VALUES = st.recursive(
    st.none() | st.integers() | st.text('a"\\{[}]é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\{', max_size=2), inner, max_size=3),
    max_leaves=8,
)


def states(text: str) -> list[tuple[int, bool]]:
    """How deep each letter leads, and whether into a string: written down letter by letter."""
    depth, quoted, escaped, told = 0, False, False, []
    for letter in text:
        if escaped:
            escaped = False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif not quoted:
            depth += (letter in "{[") - (letter in "}]")
        told.append((depth, quoted))
    return told


@given(value=VALUES, size=st.integers(1, 7))
def test_it_is_known_how_deep_a_text_leads_and_whether_into_a_string(value: object, size: int) -> None:
    text = json.dumps(value, ensure_ascii=False)
    wanted = [(0, False), *states(text)]
    nesting = Nesting()
    for at in range(0, len(text), size):
        nesting.take(text[at : at + size])
        nesting.take("")
        assert wanted[min(len(text), at + size)] == (nesting.depth, nesting.quoted)


def test_each_mark_is_told_once_it_is_counted() -> None:
    nesting = Nesting()
    seen = [(place, nesting.depth, nesting.quoted) for place in nesting.marks('{"}\\"":[]}')]
    assert [(0, 1, False), (1, 1, True), (5, 1, False), (7, 2, False), (8, 1, False), (9, 0, False)] == seen
