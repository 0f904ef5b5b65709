"""HAProxy in three configurations: as it comes, and with the two options that streams of tokens want."""

from pathlib import Path

from .program import Program

CONFIGURATION = """\
global
  log stderr format short local0 notice
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
{lines}
listen gateway
  bind 127.0.0.1:{port}
  server upstream {address}
"""
INSTALL = "docs/gateways/install.sh FOLDER haproxy"


def _program(name: str, says: str, *lines: str) -> Program:
    def command(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
        address = upstream.removeprefix("http://")
        text = CONFIGURATION.format(port=port, address=address, lines="".join(f"  {line}\n" for line in lines))
        Path(folder, "haproxy.cfg").write_text(text)
        return "-db", "-f", str(folder / "haproxy.cfg")

    return Program(f"haproxy-{name}", says, "haproxy", command, ("haproxy", "-v"), INSTALL, drops_root=True)


DEFAULT = _program("default", "mode http and timeouts")
NO_DELAY = _program("no-delay", "option http-no-delay", "option http-no-delay")
ABORTS = _program("aborts", "option http-no-delay, option abortonclose", "option http-no-delay", "option abortonclose")
ALL = (DEFAULT, NO_DELAY, ABORTS)
