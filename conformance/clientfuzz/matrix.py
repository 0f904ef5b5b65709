"""Every client against every case: `python -m conformance.clientfuzz.matrix FOLDER DOCS` runs them and writes the page.

Each client is installed into FOLDER in its own environment, at the version that stands in `clients`, and tried by
`streamspec fuzz-client`. What each came to is kept in FOLDER/results, so that an interrupted run goes on where it was;
`--only GLOB` tries some clients again. Judges nothing.
"""

import argparse
import fnmatch
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import matrix_page
from .clients import CLIENTS, Client
from .installing import installed

LIMIT = 12.0
"""Seconds that a client has for a case; a third of them it is told to wait for a silent server."""
JOBS = 2


def main() -> None:
    """What `python -m` runs."""
    arguments = _arguments()
    results = arguments.folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    for client in CLIENTS:
        wanted = any(fnmatch.fnmatchcase(client.name, only) for only in arguments.only or ["*"])
        file = results / f"{client.name}.json"
        if wanted and (arguments.only or not file.exists()):
            sys.stderr.write(f"{client.name} {client.version}\n")
            _try(client, arguments.folder, file)
    known = [client for client in CLIENTS if (results / f"{client.name}.json").exists()]
    found: dict[str, Any] = {
        client.name: json.loads((results / f"{client.name}.json").read_bytes()) for client in known
    }
    for name, text in matrix_page.pages(known, found).items():
        (arguments.docs / name).parent.mkdir(parents=True, exist_ok=True)
        (arguments.docs / name).write_text(text, "utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.clientfuzz.matrix", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="where clients are installed and results kept")
    parser.add_argument("docs", type=Path, help="where the page goes: docs/clients")
    parser.add_argument(
        "--only", action="append", metavar="GLOB", help="try these clients again; '-': none, write the page"
    )
    return parser.parse_args()


def _try(client: Client, folder: Path, file: Path) -> None:
    """One client, all cases. Raises RuntimeError where the campaign could not be made."""
    save = folder / "saved" / client.name
    own = [sys.executable, "-m", "conformance.cli", "fuzz-client", "--json", str(file.with_suffix(".part"))]
    bounds = ["--limit", f"{LIMIT:g}", "--jobs", f"{JOBS}", "--save", str(save)]
    done = subprocess.run(  # noqa: S603 - our own command, and an adapter of ours
        [*own, *bounds, "--", *installed(client, folder)], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{client.name}: {done.stderr or done.stdout}")
    file.with_suffix(".part").replace(file)


if __name__ == "__main__":
    main()
