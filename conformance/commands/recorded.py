"""Recordings of an earlier run in the place of a run, for `streamspec certify --recordings`. Judges nothing."""

from collections.abc import Mapping
from datetime import date

from conformance.certificate import evidence
from conformance.protocols.chat import dialects
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.recording import RecordingError, read_header
from conformance.targets import ConfigurationError, Target
from conformance.verdicts import Report


def recorded(target: Target, recordings: Mapping[str, bytes], day: str | None) -> Report:
    """What is known of the run besides its recordings; no verdict is. Raises ConfigurationError."""
    if not recordings:
        raise ConfigurationError("no recordings (.jsonl) are in the folder of --recordings")
    guess = dialects.choose(target.dialect, evidence.read(recordings).exchanges)
    return Report(
        target=target.name,
        url=without_credentials_in_url(target.url),
        model=target.model,
        dialect=guess.dialect.name,
        dialect_reason=guess.why,
        verdicts=(),
        started=_day(day or _said(recordings)),
    )


def _said(recordings: Mapping[str, bytes]) -> str:
    """The day that all recordings say, by --note date=..."""
    try:
        days = {str(read_header(content.partition(b"\n")[0]).source.get("date", "")) for content in recordings.values()}
    except RecordingError as problem:
        raise ConfigurationError(f"the recordings cannot be read: {problem}") from problem
    if len(days) != 1 or days == {""}:
        raise ConfigurationError(
            "the recordings do not say of which day they are, all the same; write  --date 2026-12-31"
        )
    return days.pop()


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as problem:
        raise ConfigurationError(f"{text!r} is no day; write  --date 2026-12-31") from problem
