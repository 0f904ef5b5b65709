"""`python -m tests.gateways NAME http://UPSTREAM`: one gateway by hand, until Ctrl-C.

Without arguments: what there is, and in which version.
"""

import contextlib
import signal
import sys

from . import ALL
from .program import NotInstalled, started, version


def _listed() -> None:
    for program in ALL:
        try:
            print(f"{program.name:24} {version(program):12} {program.says}")
        except NotInstalled as error:
            print(f"{program.name:24} {'-':12} {error}")


def main(name: str = "", upstream: str = "http://127.0.0.1:9000") -> None:
    """Start it and say where it listens."""
    if not name:
        return _listed()
    program = {program.name: program for program in ALL}[name]
    with contextlib.suppress(KeyboardInterrupt), started(program, upstream.removesuffix("/v1")) as running:
        print(f"{program.name} at {running.url} in front of {upstream}; its log: {running.log}", flush=True)
        signal.pause()
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
