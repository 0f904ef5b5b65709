"""A bundle as one zip file: always the same bytes for the same files. Knows no disk and no content.

Files are stored as they are, in a fixed order, with a fixed date. So an archive can be made again from what it holds
and compared byte for byte, whatever made it: there is no room for a second file of the same name, for bytes between
the files, for links, or for a few bytes that inflate to gigabytes.
"""

import struct
from collections.abc import Mapping
from io import BytesIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from conformance.protocols.finding import shorten

from .parts import MAX_FILES, Bundle, Part, Trouble, in_order, part_of

ENTRY = b"PK\x01\x02"
"""What an entry in the table of contents begins with."""
LOCAL_HEADER = 30
"""Bytes of what stands before the name and the content of a file."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format knows."""
UNPACK = "unpack it, and verify the folder"
"""What to do about an archive that is not as `packed` writes it; the files in it may be whole."""
BROKEN = (BadZipFile, NotImplementedError, ValueError, EOFError, OSError, struct.error, IndexError)
"""What zipfile raises on bytes that are no archive."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """The archive that holds these files."""
    sink = BytesIO()
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for name in in_order(files):
            entry = ZipInfo(name, DATE)
            entry.create_system = 3  # or else it would depend on the machine
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return sink.getvalue()


def unpacked(data: bytes) -> Bundle:
    """The files of an archive. What is not as `packed` writes it is trouble, and told with its place."""
    if data.count(ENTRY) > MAX_FILES:  # counted before zipfile makes an object of each: there may be millions
        return _unusable(f"it holds more than the {MAX_FILES} files that a bundle may have")
    try:
        with ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
    except BROKEN as problem:
        return _unusable(f"it cannot be read as an archive: {shorten(str(problem))}")
    if elsewhere := [entry.filename for entry in entries if _written_elsewhere(data, entry)]:
        named = [shorten(name) for name in elsewhere[:1]] + [f"{len(elsewhere) - 1} more"] * (len(elsewhere) > 1)
        return _unusable(
            f"another tool packed {' and '.join(named)}: compressed, or with more than name and content; {UNPACK}"
        )
    files, troubles = _files(data, entries)
    where = "its table of contents is not that of a bundle" if troubles else _difference(data, packed(files), files)
    if where:
        troubles.append(Trouble(Part.ARCHIVE, "", f"{where}; if another tool packed it, {UNPACK}"))
    return Bundle(files, "archive", tuple(troubles))


def _unusable(says: str) -> Bundle:
    return Bundle({}, "archive", (Trouble(Part.ARCHIVE, "", says),))


def _written_elsewhere(data: bytes, entry: ZipInfo) -> bool:
    """Whether the content does not stand, as it is, right behind the name: nothing can be read from there then."""
    stored = entry.compress_type == ZIP_STORED and entry.compress_size == entry.file_size
    more = data[entry.header_offset + LOCAL_HEADER - 2 : entry.header_offset + LOCAL_HEADER]
    return not stored or any(more)


def _files(data: bytes, entries: list[ZipInfo]) -> tuple[dict[str, bytes], list[Trouble]]:
    files: dict[str, bytes] = {}
    troubles = []
    for entry in entries:
        name = entry.filename
        if part_of(name) is Part.UNKNOWN:
            troubles.append(Trouble(Part.UNKNOWN, shorten(name), "added: no part of a bundle has such a name"))
        elif name in files:
            troubles.append(Trouble(Part.ARCHIVE, name, "it is there twice"))
        else:
            start = entry.header_offset + LOCAL_HEADER + len(name)
            files[name] = data[start : start + entry.file_size]
    return files, troubles


def _difference(data: bytes, wanted: bytes, files: Mapping[str, bytes]) -> str:
    """Where the archive is not what `packed` makes of its own files; "" where it is."""
    if data == wanted:
        return ""
    at, start = _parting(data, wanted), 0
    for name in in_order(files):
        end = start + LOCAL_HEADER + len(name) + len(files[name])
        if at < end:
            return f"byte {at}, before or in {name}, is not as an archive of these files has it"
        start = end
    return f"byte {at}, in its table of contents, is not as an archive of these files has it"


def _parting(one: bytes, other: bytes) -> int:
    """The first byte in which two texts differ."""
    shorter, block = min(len(one), len(other)), 65536
    start = next((at for at in range(0, shorter, block) if one[at : at + block] != other[at : at + block]), shorter)
    return next((at for at in range(start, shorter) if one[at] != other[at]), shorter)
