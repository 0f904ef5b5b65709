"""A recording on disk that grows while the bytes come, line by line. Knows the file, not the format and no socket."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.watch import Watch


class RecordingFile:
    """Every line is on disk before the next is made: a crash loses nothing but the end."""

    def __init__(
        self,
        path: Path,
        request: Request,
        *,
        source: dict[str, Any],
        probe: str = "",
        beside: str = "",
        group: Sequence[str] = (),
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._write(recording.header_line(request, source=source, probe=probe, beside=beside, group=group))

    def data(self, at: float, data: bytes, late: float = 0.0) -> None:
        """Bytes have come."""
        self._write(recording.data_line(at, data, late))

    def end(self, at: float, ending: Ending, left_by: str = "") -> None:
        """No more will; the file is whole."""
        self._write(recording.end_line(at, ending, left_by))
        self._file.close()

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()


def add_watch(path: Path, at: float, watch: Watch) -> None:
    """Put what was seen of the server since behind the end of a recording; `at` is seconds since its request."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(recording.watch_line(at, watch))
