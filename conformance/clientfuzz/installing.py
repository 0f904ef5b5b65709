"""A client in an environment of its own, and the command of its adapter there. Judges nothing.

`python -m conformance.clientfuzz.installing` lists the clients;
`python -m conformance.clientfuzz.installing FOLDER [NAME ...]` installs them and prints the command of each.
"""

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .clients import ADAPTERS, CLIENTS, Client


def installed(client: Client, folder: Path) -> tuple[str, ...]:
    """The command of the adapter; what it needs is put into `folder` where that is not there yet.

    Clients of the same packages share an environment. Raises `CalledProcessError` where a package manager fails and
    `OSError` where it is not there.
    """
    place = folder.absolute() / re.sub(r"[^\w.@-]+", "-", "+".join(client.packages)).strip("-")
    done = place / "installed"
    if not done.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (_for_python if client.in_python else _for_node)(place, client.packages)
        done.touch()
    if client.in_python:
        return (str(place / "bin" / "python"), str(ADAPTERS / client.script))
    for file in (client.script, "reporting.mjs"):  # node looks for packages beside the script
        shutil.copy(ADAPTERS / file, place / file)
    own = place / "node_modules" / ".bin" / "node"
    return (str(own) if own.exists() else "node", str(place / client.script))


def _for_python(place: Path, packages: tuple[str, ...]) -> None:
    if shutil.which("uv"):
        _run("uv", "venv", "--quiet", "--python", sys.executable, str(place))
        _run("uv", "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *packages)
    else:
        _run(sys.executable, "-m", "venv", str(place))
        _run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages)


def _for_node(place: Path, packages: tuple[str, ...]) -> None:
    (place / "package.json").write_text('{"private": true}\n')
    _run("npm", "install", "--prefix", str(place), "--silent", "--no-audit", "--no-fund", "--save-exact", *packages)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - the packages are those of our own list


def main() -> None:
    """What `python -m` runs."""
    if len(sys.argv) == 1:
        for client in CLIENTS:
            print(f"{client.name:22} {' '.join(client.packages)}: {client.way}")  # noqa: T201 - it is what it is for
        return
    folder, wanted = Path(sys.argv[1]), sys.argv[2:] or ["*"]
    chosen = [client for client in CLIENTS if any(fnmatch.fnmatchcase(client.name, name) for name in wanted)]
    if not chosen:
        sys.exit(f"there is no client {' '.join(wanted)}; there are: {' '.join(client.name for client in CLIENTS)}")
    for client in chosen:
        print(f"{client.name:22} {shlex.join(installed(client, folder))}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
