"""The docs say what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from conformance.protocols.chat.states import diagram
from conformance.report.catalogue import dialects_markdown, markdown
from conformance.rules import ALL
from mockserver.faults import find

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_rule_reference_is_fresh():
    """`python -m conformance.report.catalogue > docs/rules.md` makes it so."""
    assert markdown(ALL) == (ROOT / "docs" / "rules.md").read_text("utf-8")


def test_the_dialect_reference_is_fresh():
    """`python -m conformance.report.catalogue dialects > docs/dialects.md` makes it so."""
    assert dialects_markdown(ALL) == (ROOT / "docs" / "dialects.md").read_text("utf-8")


def test_the_diagram_is_the_order_table():
    assert diagram() in (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_the_floors_are_those_that_imports_are_held_to():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]
    held = [{name.rpartition(".")[2] for name in layer.split(" | ")} for layer in contract["layers"]]
    table = re.findall(r"^\| \d? ?\| (.*?) \|", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE)
    steps = [step for row in table for step in row.split(" / ")]
    assert held == [set(re.findall(r"`(\w+)(?:\.py|/)`", step)) for step in steps]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text("utf-8"))
    assert [] == [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "rules.md"], ids=lambda page: page.name)
def test_rules_and_faults_that_a_page_names_exist(page):
    text = page.read_text("utf-8")
    named = re.findall(r"(?<![\w/.-])((?:chat|http|sse)/[a-z-]+/[a-z0-9-]+)(?:#([a-z-]+))?", text)
    folders = {"chat/usage", "chat/completions"}
    for rule_id, mutant in named:
        if "/".join(rule_id.split("/")[:2]) in folders and rule_id not in {rule.id for rule in ALL}:
            continue
        find(f"{rule_id}#{mutant}" if mutant else rule_id)


def test_the_readme_has_two_commands_on_its_first_screen():
    first_screen = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:24])
    commands = re.findall(r"```sh\n(.*?)```", first_screen, re.DOTALL)
    assert 2 == len(commands)
    assert ["streamspec run", "pytest -n auto"] == [c.strip().rpartition(".venv/bin/")[2] for c in commands]
