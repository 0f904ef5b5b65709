"""Every case that is not made up by chance, by id. Knows no client."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from . import legal, mutants, transport
from .case import Case


def catalogue() -> Iterator[Case]:
    """All of them, in the order in which they are played."""
    yield from legal.cases()
    yield from mutants.cases()
    yield from transport.cases()


def chosen(patterns: Sequence[str]) -> list[Case]:
    """Cases whose id fits one of these globs; all where there are none. Raises LookupError."""
    cases = list(catalogue())
    for pattern in patterns:
        if not any(fnmatchcase(case.id, pattern) for case in cases):
            raise LookupError(f"no case matches {pattern!r}; 'legal/*' is a pattern, and --list shows what there is")
    return [case for case in cases if not patterns or any(fnmatchcase(case.id, pattern) for pattern in patterns)]
