"""The options about known failures: which list counts, and how it is written anew. Judges nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from conformance import known_file
from conformance.known import Known, excuse, unmatched
from conformance.mistakes import ConfigurationError
from conformance.targets import Target
from conformance.verdicts import Report

from .terminal import say
from .writing import replace as replace_file
from .writing import unwritten


def listed(file: Path | None, *, update: bool) -> tuple[Known, ...]:
    """The entries of the file; none where it is to be written and is not there yet. Raises ConfigurationError."""
    if file is None:
        if update:
            raise ConfigurationError("--update-known-failures needs a file; write  --known-failures known.yaml")
        return ()
    if update and not file.exists():
        return ()
    entries = known_file.read(file)
    for told in unmatched(entries):
        say(told, "yellow")
    return entries


def renewed(
    file: Path, reports: Sequence[Report], chosen: Sequence[Target], entries: Sequence[Known]
) -> tuple[list[Report], str]:
    """The reports by the file as it is after it has been written anew, and why it could not be written, if so."""
    today = datetime.now(UTC).date()
    own = {target.name: target.known_failures for target in chosen}
    by_own = [excuse(report, own[report.target], today=today) for report in reports]
    left = [replace(report, plain=report.verdicts) for report in by_own]
    try:
        text = file.read_text("utf-8") if file.exists() else ""
        new = known_file.written_anew(text, str(file), left, entries, day=today)
        if new != text:
            replace_file(file, new)
    except OSError as error:
        return list(reports), unwritten(file, error)
    except ConfigurationError as problem:
        return list(reports), str(problem)
    now = known_file.parse(new, str(file)) if new.strip() else ()
    say(f"{file}: {len(now)} known failures, {len(entries)} before; give each its reason and link")
    return [excuse(report, (*own[report.target], *now), today=today) for report in reports], ""
