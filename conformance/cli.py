"""The command line: what there is, and what it exits with. Knows no rule and no protocol.

Exit 0: nothing red. 1: findings that count. 2: the run could not be made (usage, configuration, target unreachable,
nothing tested).
"""

import sys
import traceback
from importlib import import_module

import click

from conformance.commands.terminal import fail

COMMANDS = {
    "run": "run",
    "check": "check",
    "report": "report",
    "diff": "diff",
    "rules": "rules",
    "explain": "rules",
    "profiles": "profiles",
    "mock": "mock",
    "gateway": "gateway",
    "fuzz": "fuzz",
    "fuzz-client": "fuzz_client",
    "certify": "certify",
    "verify": "verify",
    "keys": "keys",
    "site": "site",
    "serve": "serve",
}
"""Each command and its module, loaded when it is asked for: a mock server has no use for what makes reports."""


class Commands(click.Group):
    """The commands, each from its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Their names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command of this name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"conformance.commands.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="streamspec", message="%(prog)s %(version)s")
def main() -> None:
    """Judge the stream of any OpenAI-compatible endpoint, live or recorded.

    \b
    streamspec run                             the built-in mock, to see it work
    streamspec run --url URL --model MODEL     your server; the URL ends in /v1
    streamspec run vllm --record recordings/   a target of targets.yaml, on record
    streamspec check recordings/ page.har      what was recorded, here or elsewhere
    streamspec explain done-sent               a rule: who says so, how to break it
    streamspec mock --fault chat/role/sent-once     a faulty server, to test clients
    streamspec gateway --url URL --model MODEL      what a gateway makes of streams
    streamspec certify vllm --profile chat-core-2026.1 --out b.zip      for others to verify
    streamspec verify b.zip --key their.key.pub     without trusting who made it
    streamspec fuzz vllm                            requests nobody tried, for your server
    streamspec fuzz-client -- COMMAND               what a client makes of odd streams
    streamspec serve                                a real model behind a server that keeps every rule

    Exit status: 0 nothing red, 1 findings that count, 2 the run could not be made.
    """  # noqa: D301 - \b is click's word for "leave these lines as they are"


def start() -> None:
    """What the installed command calls. Our own mistakes leave with 2: status 1 would say that the target made them."""
    try:
        main(prog_name="streamspec")
    except Exception:  # noqa: BLE001 - the last one who could tell
        sys.stderr.write(traceback.format_exc())
        fail("this is a mistake in the suite, not in the target; please report it with the lines above")


if __name__ == "__main__":
    start()
