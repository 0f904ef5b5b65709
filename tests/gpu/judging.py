"""The suite on `streamspec serve` with the tiny model, on any device: every feature declared. Knows no torch."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from conformance.targets import FEATURES

ROOT = Path(__file__).resolve().parents[2]
KEY = "STREAMSPEC_TINY_KEY"
TARGET: dict[str, Any] = {
    "model": "tiny",
    "key_env": KEY,
    "features": [*FEATURES],
    "slots": 32,
    "long": {"prompt": "Write forever", "body": {"ignore_eos": True}},
    "observer": "prometheus",
}
SERVE = "-m conformance.cli serve --host {host} --port {port} --rows 32 --context 16384 --key-env " + KEY
EXCUSED = (
    "the target does not compress its streams",
    "the head of this server comes with the first event",
    "a long prompt is read so fast",
)
"""Why a rule may not apply to this server."""
FEW = ("chat/termination/*", "chat/twin/*", "chat/cancellation/stops-mid-stream")


def judged(
    folder: Path, *, options: str = "", only: Sequence[str] = (), seconds: float = 840
) -> tuple[list[dict[str, Any]], str]:
    """The verdicts of `streamspec run` on a server started with these options, and what it printed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    command = f"{sys.executable} {SERVE} {options}"
    target = {**TARGET, "url": url, "launch": {"command": command, "ready": "/health", "seconds": 600}}
    (folder / "targets.yaml").write_text(yaml.safe_dump({"targets": {"tiny": target}}))
    report = folder / "report.json"
    run = [sys.executable, "-m", "conformance.cli", "run", "tiny", "--targets", str(folder / "targets.yaml")]
    patterns = [word for pattern in only for word in ("--only", pattern)]
    done = subprocess.run(
        [*run, *patterns, "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, KEY: "sk-of-this-test", "PYTHONPATH": str(ROOT)},
    )
    said = done.stdout + done.stderr
    if not report.is_file():
        raise RuntimeError(f"the suite made no report: {said}")
    rules: list[dict[str, Any]] = json.loads(report.read_text())["targets"][0]["rules"]
    return rules, said


def wrong(rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is red or warns, and what was left out without an excuse: by rule."""
    told = {rule["rule"]: rule["findings"] for rule in rules if rule["verdict"] not in ("PASS", "NOT-APPLICABLE")}
    left_out = {rule["rule"]: rule["reason"] for rule in rules if rule["verdict"] == "NOT-APPLICABLE"}
    return told | {name: why for name, why in left_out.items() if not why.startswith(EXCUSED)}


def measured(device: str, *, small: bool, until: float) -> dict[str, Any]:
    """See evidence.evidence."""
    with tempfile.TemporaryDirectory() as folder:
        rules, said = judged(
            Path(folder),
            options=f"--device {device}",
            only=FEW if small else (),
            seconds=until - time.monotonic(),
        )
    verdicts = Counter(rule["verdict"] for rule in rules)
    found = wrong(rules)
    return {"holds": not found and verdicts["PASS"] > 0, "verdicts": verdicts, "wrong": found, "said": said[-4000:]}
