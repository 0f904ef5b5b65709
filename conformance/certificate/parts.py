"""The parts of a bundle: which file is what, and how large it may be. Knows no file system and no content.

statement.intoto.json    an in-toto Statement (test result) with the digest of every other file, in a DSSE envelope
certificate.json         what is certified, of whom, when, by what
certificate.html         the same for people
report.json              the report of the run, as `streamspec run --json` writes it
profile.yaml             the rules that it is about
key.pub                  the key that the envelope is signed by, where it is signed
recordings/*.jsonl       the evidence
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

STATEMENT = "statement.intoto.json"
CERTIFICATE = "certificate.json"
PAGE = "certificate.html"
REPORT = "report.json"
PROFILE = "profile.yaml"
KEY = "key.pub"
RECORDINGS = "recordings/"
RECORDING = re.compile(r"recordings/[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.jsonl")
NEEDED = (STATEMENT, CERTIFICATE, PAGE, REPORT, PROFILE)
"""Every bundle has these."""
MEBI = 1024 * 1024
MAX_FILES = 2000
MAX_FILE = 64 * MEBI
SMALLER = {STATEMENT: 8 * MEBI, CERTIFICATE: MEBI // 2, PROFILE: MEBI // 8, KEY: MEBI // 16}
"""Bytes of those files that it takes long to read: ten times what was seen, or more."""
MAX_BUNDLE = 192 * MEBI
"""Bytes of all files together. The largest run that was seen takes 5 MiB."""


class Part(Enum):
    """What a file is to a certificate."""

    STATEMENT = "statement"
    SIGNATURE = "signature"
    CERTIFICATE = "certificate"
    PAGE = "page"
    REPORT = "report"
    PROFILE = "profile"
    KEY = "key"
    RECORDING = "recording"
    EVIDENCE = "evidence"
    """The recordings together."""
    ARCHIVE = "archive"
    """What holds the files together: names and lengths, not content."""
    UNKNOWN = "unknown file"


NAMED = {
    STATEMENT: Part.STATEMENT,
    CERTIFICATE: Part.CERTIFICATE,
    PAGE: Part.PAGE,
    REPORT: Part.REPORT,
    PROFILE: Part.PROFILE,
    KEY: Part.KEY,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about a bundle that is not as it has to be."""

    part: Part
    file: str
    """The file, "" where it is none by itself."""
    says: str

    @property
    def told(self) -> str:
        """As a line: what it is about, and what is wrong."""
        return f"{self.part.value}{f', {self.file}' if self.file else ''}: {self.says}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle by name, and what was wrong with the way in which they were kept."""

    files: Mapping[str, bytes]
    form: str
    """"directory" or "archive"."""
    troubles: tuple[Trouble, ...] = ()


def limit_of(name: str) -> int:
    """Bytes that a file of this name may have."""
    return SMALLER.get(name, MAX_FILE)


def part_of(name: str) -> Part:
    """What the file of this name is."""
    return NAMED.get(name) or (Part.RECORDING if RECORDING.fullmatch(name) else Part.UNKNOWN)


def in_order(names: Mapping[str, bytes]) -> list[str]:
    """The names as an archive holds them: the statement first, the recordings last."""
    first = {name: place for place, name in enumerate(NAMED)}
    return sorted(names, key=lambda name: (first.get(name, len(first)), name))
