"""Rules x targets as rows for the page, in the order of the rules. Knows no HTML and no finding."""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.report.stored import StoredRule
from conformance.rules import ALL

from .columns import Column

SOURCES = {rule.id: rule.source for rule in ALL}
ORDER = {rule.id: number for number, rule in enumerate(ALL)}


@dataclass(frozen=True, slots=True)
class Cell:
    """What is said of a rule on a target."""

    verdict: str
    """"" where the report does not have the rule."""
    standing: str = ""
    """Why it does not count although it is in trouble: "known", for instance."""
    stale: bool = False
    """Red although it holds."""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A rule."""

    number: int
    id: str
    feature: str
    level: str
    authority: str
    says: str
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The last part of its id."""
        return self.id.rpartition("/")[2]

    @property
    def verdicts(self) -> str:
        """What its cells say, each once."""
        return " ".join(dict.fromkeys(cell.verdict for cell in self.cells if cell.verdict))

    @property
    def changes(self) -> str:
        """What became of it, each once."""
        return " ".join(dict.fromkeys(cell.change for cell in self.cells if cell.change))

    @property
    def stale(self) -> bool:
        """Whether it is red although it holds."""
        return any(cell.stale for cell in self.cells)


def rows_of(columns: Sequence[Column]) -> list[Row]:
    """Every rule that one of the reports has."""
    by_column = [{rule.rule: rule for rule in column.target.rules} for column in columns]
    named: dict[str, StoredRule] = {}
    for rules in by_column:
        for rule_id, rule in rules.items():
            named.setdefault(rule_id, rule)
    ids = sorted(named, key=lambda rule_id: (ORDER.get(rule_id, len(ORDER)), rule_id))
    return [
        Row(
            number,
            rule_id,
            named[rule_id].feature,
            named[rule_id].level,
            named[rule_id].authority,
            named[rule_id].message,
            tuple(_cell(rules.get(rule_id), column) for rules, column in zip(by_column, columns, strict=True)),
        )
        for number, rule_id in enumerate(ids)
    ]


def sources_of(rule_id: str) -> list[list[str]]:
    """Who says so, and where to read it; [] for a rule that this version does not have."""
    return [[f"{source.authority}: {source}", source.url] for source in SOURCES.get(rule_id, ())]


def _cell(rule: StoredRule | None, column: Column) -> Cell:
    if rule is None:
        return Cell("")
    changed = column.changes.get(rule.rule)
    stale = rule.red and rule.verdict.value in ("PASS", "TOLERATED", "NOT-APPLICABLE")
    return Cell(rule.verdict.value, rule.standing, stale, changed.change.value if changed else "")
