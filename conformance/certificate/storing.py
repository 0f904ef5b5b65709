"""Bundles on disk: a folder, or an archive where the name ends in .zip. The only file here that touches the disk.

What is read may have been made by anybody: links are not followed, and neither the number of files nor their size is
trusted.
"""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import archive
from .parts import MAX_BUNDLE, MAX_FILE, MAX_FILES, NAMED, RECORDINGS, STATEMENT, Bundle, Part, Trouble, part_of

ARCHIVE = ".zip"
MARK = b"PK"
"""An archive begins with it."""
OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class BundleError(Exception):
    """There is nothing here that could be verified, or no bundle can be written; says why."""


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Put the files there, all of them or none. Raises BundleError where something is there already, OSError."""
    check_room(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", ignore_cleanup_errors=True) as scratch:
        made = Path(scratch) / path.name
        if path.suffix.lower() == ARCHIVE:
            made.write_bytes(archive.packed(files))
        else:
            (made / RECORDINGS).mkdir(parents=True)
            for name, content in files.items():
                (made / name).write_bytes(content)
        made.rename(path)


def check_room(path: Path) -> None:
    """Raises BundleError where something is there already, OSError where nothing can be written; makes the folder."""
    if path.is_symlink() or path.exists():
        raise BundleError(f"{path} is there already, and is left as it is; give another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def recordings_in(folder: Path) -> dict[str, bytes]:
    """The recordings that a run has left in a folder, by the names that they have in a bundle. Raises BundleError."""
    files, left = {}, MAX_BUNDLE
    for path in sorted(folder.glob("*.jsonl")):
        content, problem = _bounded(path, min(MAX_FILE, left))
        left -= len(content)
        if problem:
            raise BundleError(f"the recording {path.name} cannot go into a bundle: {problem}")
        files[RECORDINGS + path.name] = content
    return files


def read(path: Path) -> Bundle:
    """The bundle at this path. Raises BundleError where there is none, or where it is too large to be looked at."""
    try:
        if path.is_dir():
            return _folder(path)
        data, problem = _bounded(path, MAX_BUNDLE + MAX_FILES * 1024)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    if problem:
        raise BundleError(f"{path}: {problem}")
    if path.suffix.lower() != ARCHIVE and not data.startswith(MARK):
        raise BundleError(f"{path} is no bundle; wanted the folder or the {ARCHIVE} that `streamspec certify` writes")
    return archive.unpacked(data)


def _folder(folder: Path) -> Bundle:
    files: dict[str, bytes] = {}
    troubles: list[Trouble] = []
    left = MAX_BUNDLE
    for number, (name, entry) in enumerate(_entries(folder)):
        if number >= MAX_FILES:
            raise BundleError(f"{folder} holds more than {MAX_FILES} files, and a bundle does not")
        if part_of(name) is Part.UNKNOWN:
            troubles.append(Trouble(Part.UNKNOWN, name, "added: no part of a bundle has such a name"))
            continue
        content, problem = _bounded(entry, min(MAX_FILE, left))
        left -= len(content)
        if problem:
            troubles.append(Trouble(part_of(name), name, problem))
        else:
            files[name] = content
    if not files.keys() & NAMED.keys():
        raise BundleError(f"{folder} is no bundle: it has no {STATEMENT}")
    return Bundle(files, "directory", tuple(troubles))


def _entries(folder: Path) -> Iterator[tuple[str, Path]]:
    """Whatever is in the folder and in its recordings, by name; what is in other folders is not looked at."""
    recordings = RECORDINGS.rstrip("/")
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name == recordings and entry.is_dir(follow_symlinks=False):
            for inner in sorted(os.scandir(entry.path), key=lambda inner: inner.name):
                yield RECORDINGS + inner.name, Path(inner.path)
        else:
            yield entry.name, Path(entry.path)


def _bounded(path: Path, limit: int) -> tuple[bytes, str]:
    """The content of a plain file of at most so many bytes, or what is wrong with it. Raises OSError."""
    if path.is_symlink():
        return b"", "it is a link, which is not followed"
    descriptor = os.open(path, OPEN)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return b"", "it is no plain file"
        if found.st_size > limit:
            return b"", f"it is larger than {limit} bytes, which a bundle does not allow"
        return file.read(limit + 1)[:limit], ""
