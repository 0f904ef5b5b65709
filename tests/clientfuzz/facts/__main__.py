"""`python -m tests.clientfuzz.facts FOLDER > docs/clients/facts.md`: every fact looked for again, each client in its
measured version. What is missing in FOLDER is installed there."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.clientfuzz.clients import CLIENTS, Client
from conformance.clientfuzz.installing import installed

from . import page
from .measured import FACTS
from .playing import Said, heard, served

AT_ONCE = 2


def main(folder: Path) -> None:
    """Play to each client the streams that say something of it, and print the page."""
    wanted: dict[str, set[str]] = {}
    for fact in FACTS:
        for stream, made in fact.shown.items():
            for client in made:
                wanted.setdefault(client, set()).add(stream)
    known = {client.name: client for client in CLIENTS}
    with served() as port, ThreadPoolExecutor(AT_ONCE) as pool:

        def asked(client: Client) -> dict[str, Said]:
            said = dict(heard(installed(client, folder), sorted(wanted[client.name]), port))
            print(f"{client.name}: {len(said)} streams", file=sys.stderr)
            return said

        for name in wanted:
            installed(known[name], folder)  # clients share environments: one after the other
        said = dict(zip(wanted, pool.map(asked, [known[name] for name in wanted]), strict=True))
    print(page.text(FACTS, said), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
