"""`python -m tests.gateways NAME`: one gateway by hand, at port 4000 in front of port 8900, until Ctrl-C.

Without arguments: what there is, and in which version.
"""

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


def main(name: str = "", port: str = "4000", upstream: str = "http://127.0.0.1:8900") -> None:
    """Start it and say how to try it."""
    if not name:
        _listed()
        return
    programs = {program.name: program for program in ALL}
    if name not in programs:
        sys.exit(f"no gateway is called {name!r}; there are {', '.join(programs)}")
    try:
        with started(programs[name], upstream.removesuffix("/v1"), int(port)) as running:
            headers = "".join(f" --header '{header}: {value}'" for header, value in running.headers.items())
            print(f"{name} forwards to {upstream}; its log: {running.log}\nTry it: ", end="")
            print(f"streamspec gateway --url {running.url} --model any{headers}", flush=True)
            signal.pause()
    except NotInstalled as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
