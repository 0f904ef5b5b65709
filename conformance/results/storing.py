"""A site on disk: all of it or nothing. Knows no bundle."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from .site import MARK


class SiteError(Exception):
    """The site cannot be written there; says why."""


def check_room(folder: Path) -> None:
    """Raises SiteError where something else than an earlier site is there."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SiteError(f"{folder} is there already, and is no folder; give another name")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise SiteError(f"{folder} holds something that is no site of ours, and is left as it is; give another name")


def write(folder: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Put the files there, in place of an earlier site; how many there are. Raises SiteError, OSError."""
    check_room(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory(
        dir=folder.parent, prefix=f".{folder.name}.", ignore_cleanup_errors=True
    ) as scratch:
        made, earlier = Path(scratch) / "made", Path(scratch) / "earlier"
        for name, content in files:
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            count += 1
        if folder.exists():
            folder.rename(earlier)
        try:
            made.rename(folder)
        except OSError:
            earlier.rename(folder)
            raise
    return count
