"""Which code judges: a digest of the suite's own files. Knows nothing of what they say.

Two versions of the suite may find the same and word it differently. The words of a report are compared only where the
same code wrote them; verdicts always.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

PACKAGES = ("conformance", "schemas")
SUFFIXES = (".py", ".json", ".yaml", ".jinja")


@cache
def fingerprint() -> str:
    """SHA-256 of every file of the suite that takes part in judging, in hexadecimal digits."""
    digest = hashlib.sha256(unicodedata.unidata_version.encode())  # decides what is shown of a name
    for package in PACKAGES:
        for name, file in _files(files(package), package):
            digest.update(f"{name}\n".encode())
            digest.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    return digest.hexdigest()


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, name)
        elif entry.name.endswith(SUFFIXES):
            yield name, entry
