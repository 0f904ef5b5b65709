"""What is known upstream of what clients do: issues and pull requests, by client, case and what it did. Judges nothing.

The list is upstream.yaml. Where no entry fits, none was found.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import yaml

LIST = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, slots=True)
class Known:
    """A report that exists upstream."""

    where: str
    """As GitHub writes it: OWNER/NAME#NUMBER."""
    note: str
    clients: tuple[str, ...]
    """Globs over names of clients."""
    cases: tuple[str, ...]
    """Globs over ids of cases."""
    says: str = ""
    """A pattern in what the client did."""

    @property
    def link(self) -> str:
        """As Markdown."""
        place, number = self.where.split("#")
        return f"[{self.where}](https://github.com/{place}/issues/{number})"

    def fits(self, client: str, case: str, says: str) -> bool:
        """Whether it is about this."""
        named = any(fnmatchcase(client, glob) for glob in self.clients)
        return named and any(fnmatchcase(case, glob) for glob in self.cases) and re.search(self.says, says) is not None


@lru_cache(maxsize=1)
def everything() -> tuple[Known, ...]:
    """The whole list."""
    entries = yaml.safe_load(LIST.read_text("utf-8"))
    return tuple(Known(**entry | {name: tuple(entry[name]) for name in ("clients", "cases")}) for entry in entries)


def known(client: str, case: str, says: str) -> Known | None:
    """What is known of a client that did this with a case; None where nothing was found."""
    return next((one for one in everything() if one.fits(client, case, says)), None)
