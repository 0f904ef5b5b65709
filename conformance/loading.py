"""Recordings of any format from files and folders. The only file that reads them from disk; judges nothing.

The suffix tells the format; where it does not, the first bytes do. In a folder, hidden files, other suffixes, and JSON
and YAML that is neither HAR nor cassette are passed over.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from conformance.protocols import recording
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.imports import har, http, sse, vcr
from conformance.protocols.imports.assume import DOCUMENT
from conformance.protocols.imports.foreign import ForeignFormatError, Imported, OtherFormatError, request_of

MAX_FILE = 256 * 1024 * 1024
SUPPORTED = (
    "a recording (.jsonl), an event stream (.sse), raw HTTP (.http), HAR 1.2 (.har, .json) "
    "and a VCR cassette (.yaml, .yml, .json)"
)
SUFFIXES = (".jsonl", ".sse", ".http", ".har", ".json", ".yaml", ".yml")
READERS: dict[str, Callable[..., Imported]] = {"sse": sse.read, "http": http.read, "har": har.read, "vcr": vcr.read}
BY_SUFFIX = {".jsonl": "recording", ".sse": "sse", ".http": "http", ".har": "har", ".yaml": "vcr", ".yml": "vcr"}
BY_START = (
    ("recording", re.compile(rb'\s{0,99}\{\s{0,99}"recording"')),
    ("har", re.compile(rb'(?:\xef\xbb\xbf)?\s{0,99}\{\s{0,99}"log"')),
    ("vcr", re.compile(rb"\s{0,99}(?:\{|---|interactions:|http_interactions:)")),
    ("http", re.compile(rb"HTTP/[123]|[A-Z]{3,7} \S{1,4096} HTTP/[123]")),
    ("sse", re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,9}(?:data|event|id|retry)?:")),
)
START = 8192


class LoadError(Exception):
    """Nothing can be read from this path; says why, and what could be."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One recording, or why it could not be read."""

    path: str
    """The file, with #n behind it for the n-th exchange of several."""
    exchange: Exchange | None
    error: str = ""
    left_out: int = 0
    """Exchanges of the same file that are neither a completion nor an event stream; counted at its first one."""


def load(path: Path, *, request: Request | None = None) -> Iterator[Loaded]:
    """Every recording in a file, or in a folder and below it, in order of name. Raises LoadError while it is iterated.

    `request` goes with recordings that do not say what was asked. In a folder a file that cannot be read is a Loaded
    with an error; a file that was named itself raises.
    """
    if path.is_dir():
        yield from _folder(path, request)
        return
    try:
        yield from _file(path, request)
    except OtherFormatError as problem:
        raise LoadError(f"{path}: {problem}; what can be read is {SUPPORTED}") from problem
    except (ValueError, OSError) as problem:
        raise LoadError(f"{path}: {_said(problem)}") from problem


def read_request(path: Path) -> Request:
    """A request from a JSON file: its body, or an object with `body` and `method`, `url`, `headers`."""
    wanted = 'the JSON body of the request, or {"method": ..., "url": ..., "headers": [[name, value]], "body": ...}'
    try:
        value = json.loads(_small(path))
        if not isinstance(value, dict):
            raise LoadError(f"{path}: wanted {wanted}")
        if "body" not in value:
            return request_of("POST", DOCUMENT.url, (), value)
        headers = value.get("headers", [])
        pairs = headers.items() if isinstance(headers, dict) else headers
        named = [(str(name), str(text)) for name, text in pairs]
        return request_of(str(value.get("method", "POST")), str(value.get("url", DOCUMENT.url)), named, value["body"])
    except (ValueError, TypeError, RecursionError) as problem:
        raise LoadError(f"{path}: wanted {wanted}") from problem
    except OSError as problem:
        raise LoadError(f"{path}: {_said(problem)}") from problem


def _folder(folder: Path, request: Request | None) -> Iterator[Loaded]:
    empty, passed_over = True, 0
    for path in _files(folder):
        try:
            for loaded in _file(path, request):
                empty = False
                yield loaded
        except OtherFormatError:
            passed_over += 1
        except (ValueError, OSError) as problem:
            empty = False
            yield Loaded(str(path), None, _said(problem))
    if empty:
        others = f" ({passed_over} files of other kinds passed over)" if passed_over else ""
        raise LoadError(f"{folder}: no recordings in this folder{others}; what can be read is {SUPPORTED}")


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(root) / name


def _file(path: Path, request: Request | None) -> Iterator[Loaded]:
    """Every recording in one file. Raises ValueError or OSError; OtherFormatError if there is none for us."""
    _check_size(path)
    form = BY_SUFFIX.get(path.suffix.lower()) or _form(path)
    if form == "recording":
        yield Loaded(str(path), _recording(path))
        return
    imported = READERS[form](path.read_bytes(), source=str(path), request=request)
    if not imported.found:
        raise OtherFormatError(f"no completion and no event stream among its {imported.left_out} exchanges")
    left_out = imported.left_out
    for found in imported.found:
        yield Loaded(
            found.exchange.source if found.exchange else f"{path}#{found.number}",
            found.exchange,
            found.problem,
            left_out,
        )
        left_out = 0


def _form(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(START)
    for form, pattern in BY_START:
        if pattern.match(start):
            return form
    raise OtherFormatError("nothing that is known here")


def _recording(path: Path) -> Exchange:
    with path.open("rb") as file:
        first = file.readline()
        header = recording.read_header(first)
        beside = _beside(path, header.beside) if header.beside else None
        # a trial that was broken off has announced more exchanges than it made
        group = tuple(_beside(path, name) for name in header.group if path.with_name(name).exists())
        return recording.read(chain([first], file), source=str(path), beside=beside, group=group)


def _beside(path: Path, name: str) -> Exchange:
    """The recording of that name in the same folder; what is beside that one does not matter here."""
    companion = path.with_name(name)
    try:
        _check_size(companion)
        with companion.open("rb") as file:
            return recording.read(file, source=str(companion))
    except (ValueError, OSError) as problem:
        raise recording.RecordingError(f"the recording beside it, {name}: {_said(problem)}") from problem


def _small(path: Path) -> bytes:
    _check_size(path)
    return path.read_bytes()


def _check_size(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise ForeignFormatError("neither a file nor a folder")
    if path.stat().st_size > MAX_FILE:
        raise ForeignFormatError(f"larger than {MAX_FILE >> 20} MiB")


def _said(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
