"""The command line: what there is, and what it exits with. Knows no rule and no protocol.

Exit 0: nothing red. 1: findings that count. 2: the run could not be made (usage, configuration, target unreachable,
nothing tested).
"""

import sys
import traceback

import click

from conformance.commands.certify import certify
from conformance.commands.check import check
from conformance.commands.diff import diff
from conformance.commands.fuzz_client import fuzz_client
from conformance.commands.gateway import gateway
from conformance.commands.keys import keys
from conformance.commands.mock import mock
from conformance.commands.profiles import profiles
from conformance.commands.report import report
from conformance.commands.rules import explain, rules
from conformance.commands.run import run
from conformance.commands.site import site
from conformance.commands.terminal import fail
from conformance.commands.verify import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
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
    streamspec fuzz-client -- COMMAND               what a client makes of odd streams

    Exit status: 0 nothing red, 1 findings that count, 2 the run could not be made.
    """  # noqa: D301 - \b is click's word for "leave these lines as they are"


COMMANDS = (
    *(run, check, report, diff, site),
    *(rules, explain, profiles),
    *(mock, gateway, fuzz_client),
    *(certify, verify, keys),
)
for command in COMMANDS:
    main.add_command(command)


def start() -> None:
    """What the installed command calls. Our own mistakes leave with 2: status 1 would say that the target made them."""
    try:
        main(prog_name="streamspec")
    except Exception:  # noqa: BLE001 - the last one who could tell
        sys.stderr.write(traceback.format_exc())
        fail("this is a mistake in the suite, not in the target; please report it with the lines above")


if __name__ == "__main__":
    start()
