"""Every client against every case: `python -m conformance.clientfuzz.matrix FOLDER DOCS` runs them and writes the page.

Each client is installed into FOLDER in its own environment, at the version that stands in `clients`, and tried by
`streamspec fuzz-client`. What each came to is kept in FOLDER/results, family of cases by family, so that an interrupted
run goes on where it was. What did not pass is played once more, and counts as what it comes to then: a machine that is
busy makes clients late. Judges nothing.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from . import matrix_page
from .catalogue import catalogue
from .clients import CLIENTS, Client
from .installing import installed

LIMIT = 12.0
"""Seconds that a client has for a case; a third of them it is told to wait for a silent server."""
JOBS = 3
AGAIN = "again"
"""The family of all that did not pass."""
LEFT_OUT = ("whole", "two-bytes")
"""Pieces of legal streams that are not played here, for time: one byte at a time and one event at a time are."""


def main() -> None:
    """What `python -m` runs."""
    arguments = _arguments()
    families: dict[str, list[str]] = {}
    for case in catalogue():
        if not (case.legal and case.id.rpartition("/")[2] in LEFT_OUT):
            families.setdefault(case.id.split("/")[0], []).append(case.id)
    results: Path = arguments.folder / "results"
    every = [case for cases in families.values() for case in cases]
    for client in () if arguments.page else CLIENTS:
        folder = results / client.name
        for family, cases in families.items():
            if _wanted(arguments, client.name, family, known=(folder / f"{family}.json").exists()):
                sys.stderr.write(f"{client.name} {client.version}: {family}\n")
                _try(client, cases, arguments.folder, folder / f"{family}.json")
        if _wanted(arguments, client.name, AGAIN, known=(folder / f"{AGAIN}.json").exists()):
            passed = {case["case"] for case in _cases(folder, families) if case["verdict"] == "PASS"}
            sys.stderr.write(f"{client.name} {client.version}: {len(every) - len(passed)} again\n")
            if cases := [case for case in every if case not in passed]:
                _try(client, cases, arguments.folder, folder / f"{AGAIN}.json")
    found = {client.name: {"cases": _latest(results / client.name, families, every)} for client in CLIENTS}
    tried = [client for client in CLIENTS if len(found[client.name]["cases"]) == len(every)]
    for name, text in matrix_page.pages(tried, found).items():
        (arguments.docs / name).parent.mkdir(parents=True, exist_ok=True)
        (arguments.docs / name).write_text(text, "utf-8")


def _arguments() -> argparse.Namespace:
    says = "Every client against every case; the pages about it."
    parser = argparse.ArgumentParser(prog="python -m conformance.clientfuzz.matrix", description=says)
    parser.add_argument("folder", type=Path, help="where clients are installed and results kept")
    parser.add_argument("docs", type=Path, help="where the pages go: docs/clients")
    parser.add_argument("--only", action="append", metavar="GLOB", help="try these clients alone")
    parser.add_argument("--again", action="store_true", help="try them also where they were tried")
    parser.add_argument("--cases", default="*", metavar="GLOB", help="try these families of cases: legal, mutant ...")
    parser.add_argument("--page", action="store_true", help="try nobody, and write the pages of what is there")
    return parser.parse_args()


def _wanted(arguments: argparse.Namespace, client: str, family: str, *, known: bool) -> bool:
    """Whether a client is tried: where it was asked for, or was not tried yet."""
    named = any(fnmatchcase(client, glob) for glob in arguments.only or ["*"])
    return named and fnmatchcase(family, arguments.cases) and (arguments.again or not known)


def _latest(folder: Path, families: Iterable[str], every: list[str]) -> list[dict[str, Any]]:
    """What a client came to at last, in the order of the cases."""
    known = {case["case"]: case for case in _cases(folder, [*families, AGAIN])}
    return [known[case] for case in every if case in known]


def _cases(folder: Path, families: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What a client came to, family by family."""
    for family in families:
        file = folder / f"{family}.json"
        if file.exists():
            yield from json.loads(file.read_bytes())["cases"]


def _try(client: Client, cases: list[str], folder: Path, file: Path) -> None:
    """One client, some cases. Raises RuntimeError where the campaign could not be made."""
    part = file.with_suffix(".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    own = [sys.executable, "-m", "conformance.cli", "fuzz-client", "--json", str(part)]
    own += [word for case in cases for word in ("--cases", case)]
    bounds = ["--limit", f"{LIMIT:g}", "--jobs", f"{JOBS}", "--save", str(folder / "saved" / client.name)]
    done = subprocess.run(  # noqa: S603 - our own command, and an adapter of ours
        [*own, *bounds, "--", *installed(client, folder)], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or not part.exists():
        raise RuntimeError(f"{client.name}: {done.stderr or done.stdout}")
    part.replace(file)


if __name__ == "__main__":
    main()
