"""docs/gateways.md says what the code says."""

from pathlib import Path

from conformance.gateway.change import SORTS
from conformance.gateway.situations import ALL

TEXT = (Path(__file__).parents[2] / "docs" / "gateways.md").read_text("utf-8")


def test_every_sort_of_change_stands_where_it_belongs():
    red, noted = TEXT.split("### Red")[1].split("### Noted")
    for sort in SORTS.values():
        assert f"| `{sort.name}` | {sort.kind.value} | {sort.says} |" in (red if sort.red else noted)


def test_every_situation_is_told():
    assert [] == [situation.name for situation in ALL if f"| `{situation.name}` | {situation.says} |" not in TEXT]
