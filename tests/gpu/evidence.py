"""Everything that the reference server has to show on a GPU, by one command; made to run on a processor too.

    python tests/gpu/evidence.py --out figures                      # all of it: below nine minutes a part
    python tests/gpu/evidence.py --out figures --part cancel speed  # some; what is in the folder already stays
    python tests/gpu/evidence.py --out figures --small --device cpu # whether it runs at all, in a minute

Each part leaves PART.json in the folder; `figures.md` is made of all that are there, to be pasted into
docs/reference-server.md. Exit status: 0 where all held, else 1. Needs a checkout, the packages that the project and
its extra `engine` name, no network, and no installation of the project.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PARTS = {"suite": "judging", "cancel": "cancelling", "constant": "sameness", "speed": "speed"}
"""Each part by the file that measures it."""
SECONDS = 520.0
"""After so many a part begins nothing new."""


def machine(device: str) -> dict[str, str]:
    """What the figures are of."""
    import torch
    import transformers

    on_cuda = device.startswith("cuda")
    return {
        "device": torch.cuda.get_device_name(device) if on_cuda else f"processor, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda) if on_cuda else "none",
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }


def evidence(part: str, device: str, *, small: bool, seconds: float = SECONDS) -> dict[str, Any]:
    """What one part shows; `holds` is whether that is what it should be."""
    import torch

    began = time.perf_counter()
    try:
        measured = importlib.import_module(f"tests.gpu.{PARTS[part]}").measured
        told: dict[str, Any] = measured(device, small=small, until=time.monotonic() + seconds)
    except Exception:  # noqa: BLE001 - what went wrong is evidence too, and the other parts go on
        told = {"holds": False, "failed": traceback.format_exc()}
    finally:
        torch.use_deterministic_algorithms(mode=False)  # which `constant` turns on for all that comes
    took = round(time.perf_counter() - began)
    return {"part": part, "small": small, "machine": machine(device), "seconds": took, **told}


def main(words: list[str]) -> int:
    """Make the files."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="little of everything: to see that it runs")
    asked = parser.parse_args(words)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for `constant`; read when CUDA starts
    asked.out.mkdir(parents=True, exist_ok=True)
    page = importlib.import_module("tests.gpu.page")
    all_held = True
    for part in asked.part:
        told = evidence(part, asked.device, small=asked.small)
        (asked.out / f"{part}.json").write_text(json.dumps(told, indent=1))
        held = {name: json.loads((asked.out / f"{name}.json").read_text()) for name in PARTS if has(asked.out, name)}
        (asked.out / "figures.md").write_text(page.of(held))
        print(f"{part}: {'holds' if told['holds'] else 'DOES NOT HOLD'}, {told['seconds']} s", flush=True)
        print(told.get("failed", ""), end="", flush=True)
        all_held = all_held and told["holds"]
    print(f"{asked.out / 'figures.md'}")
    return 0 if all_held else 1


def has(folder: Path, part: str) -> bool:
    """Whether a part was measured already."""
    return (folder / f"{part}.json").is_file()


if __name__ == "__main__":
    tests = types.ModuleType("tests")  # ours, though some other package brought a folder of that name
    tests.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = tests
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
