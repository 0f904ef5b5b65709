"""A recording on disk that grows while the bytes come, line by line. Knows the file, not the format and no socket."""

from pathlib import Path
from typing import Any

from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Request


class RecordingFile:
    """Every line is on disk before the next is made: a crash loses nothing but the end."""

    def __init__(
        self, path: Path, request: Request, *, source: dict[str, Any], probe: str = "", beside: str = ""
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._write(recording.header_line(request, source=source, probe=probe, beside=beside))

    def data(self, at: float, data: bytes) -> None:
        """Bytes have come."""
        self._write(recording.data_line(at, data))

    def end(self, at: float, ending: Ending) -> None:
        """No more will; the file is whole."""
        self._write(recording.end_line(at, ending))
        self._file.close()

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()
