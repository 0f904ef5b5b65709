"""The whole suite on `streamspec serve` with the tiny model: every feature declared, nothing red, no warning."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.targets import FEATURES

pytest.importorskip("torch", reason="torch is not installed: pip install 'streamspec[engine]'")

TARGET: dict[str, Any] = {
    "model": "tiny",
    "key_env": "STREAMSPEC_TINY_KEY",
    "features": [*FEATURES],
    "slots": 32,
    "long": {"prompt": "Write forever", "body": {"ignore_eos": True}},
    "observer": "prometheus",
    "launch": {
        "command": "{python} -m conformance.cli serve --host {host} --port {port} --rows 32 --context 16384"
        " --key-env STREAMSPEC_TINY_KEY",
        "ready": "/health",
    },
}
EXCUSED = (
    "the target does not compress its streams",
    "the head of this server comes with the first event",
    "a long prompt is read so fast",
)
"""Why a rule may not apply to this server."""


@pytest.mark.timeout(900)
def test_nothing_is_red_and_nothing_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    command = TARGET["launch"]["command"].replace("{python}", sys.executable)
    target = {**TARGET, "url": url, "launch": {**TARGET["launch"], "command": command}}
    (tmp_path / "targets.yaml").write_text(yaml.safe_dump({"targets": {"tiny": target}}))
    monkeypatch.setenv("STREAMSPEC_TINY_KEY", "sk-of-this-test")
    report = tmp_path / "report.json"
    run = [sys.executable, "-m", "conformance.cli", "run", "tiny", "--targets", str(tmp_path / "targets.yaml")]
    done = subprocess.run([*run, "--json", str(report)], capture_output=True, text=True, timeout=840)
    assert 0 == done.returncode, done.stdout + done.stderr
    rules = json.loads(report.read_text())["targets"][0]["rules"]
    assert {} == {rule["rule"]: rule["findings"] for rule in rules if rule["verdict"] not in ("PASS", "NOT-APPLICABLE")}
    left_out = {rule["rule"]: rule["reason"] for rule in rules if rule["verdict"] == "NOT-APPLICABLE"}
    assert {} == {name: why for name, why in left_out.items() if not why.startswith(EXCUSED)}
