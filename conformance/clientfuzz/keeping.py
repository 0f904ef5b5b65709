"""What was played, on disk: a recording that `streamspec check` judges and the mock plays again. Knows no verdict."""

import base64
import re
from pathlib import Path
from typing import Any

import yaml

from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Request
from conformance.wire import encoder
from conformance.wire.script import Answer, Reset, Send, Wait

from .case import STALL
from .playing import Result

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 150
"""Characters of the name of a file."""


def file_name(text: str) -> str:
    """A case id, or any other text, as the name of a file; "" where nothing of it can stand there."""
    return UNSAFE.sub("-", text).strip("-.")[:LONGEST_NAME]


def keep(result: Result, folder: Path) -> dict[str, str]:
    """Write what was played, as a recording and as a scenario that plays it again. Raises OSError."""
    recorded, scenario = record(result, folder / "recordings"), write_scenario(result, folder / "scenarios")
    return {"recording": str(recorded), "scenario": str(scenario)}


def record(result: Result, folder: Path) -> Path:
    """Write what this client was sent, and what it had asked. Raises OSError."""
    request = result.requests[0] if result.requests else result.case.request
    path = folder / f"{file_name(result.case.id)}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines_of(request, result.played, result.case.id)), "utf-8", newline="\n")
    return path


def lines_of(request: Request, answer: Answer, case: str) -> list[str]:
    """The lines of a recording; its times are those that the answer has by itself."""
    lines = [recording.header_line(request, source={"case": case})]
    clock, ending = 0.0, Ending.EOF
    for act in encoder.one_by_one(answer):
        match act:
            case Send(data):
                lines.append(recording.data_line(clock, data))
            case Wait(seconds) if seconds >= STALL:
                ending = Ending.TIMEOUT
            case Wait(seconds):
                clock += seconds
            case Reset():
                ending = Ending.RESET
        if ending is not Ending.EOF:
            break
    return [*lines, recording.end_line(clock, ending)]


def write_scenario(result: Result, folder: Path) -> Path:
    """Write a scenario in which every request gets these bytes. Raises OSError."""
    path = folder / f"{file_name(result.case.id)}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(scenario_of(result.played, result.case.id), "utf-8", newline="\n")
    return path


def scenario_of(answer: Answer, name: str) -> str:
    """YAML of a scenario that plays this answer, byte for byte and act by act."""
    steps: list[Any] = []
    for act in encoder.one_by_one(answer):
        match act:
            case Send(data):
                steps.append(_spelled(data))
            case Wait(seconds) if seconds >= STALL:
                steps.append({"stall": True})
                break
            case Wait(seconds):
                steps.append({"wait": seconds})
            case Reset():
                steps.append({"reset": True})
                break
    entry = {"name": name[:80], "reply": {"wire": steps}}
    return yaml.safe_dump({"scenario": [entry]}, allow_unicode=True, sort_keys=False, width=120)


def _spelled(data: bytes) -> dict[str, str]:
    """Bytes as text where they are some that YAML can hold."""
    try:
        return {"send": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
