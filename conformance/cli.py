"""The command line: what there is, and what it exits with. Knows no rule and no protocol.

Exit 0: nothing red. 1: findings that count. 2: the run could not be made (usage, configuration, target unreachable,
nothing tested).
"""

import click

from conformance.commands.check import check
from conformance.commands.mock import mock
from conformance.commands.rules import explain, rules
from conformance.commands.run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="streamspec", message="%(prog)s %(version)s")
def main() -> None:
    """Judge the stream of any OpenAI-compatible endpoint, live or recorded.

    \b
    streamspec run                                     the built-in mock server, to see it work
    streamspec run --url http://127.0.0.1:8000/v1 --model M      your server
    streamspec run vllm --record recordings/           a target of targets.yaml, every byte kept
    streamspec check recordings/ page.har tape.yaml    what was recorded, here or elsewhere
    streamspec explain done-sent                       a rule: who says so, and how to break it
    streamspec mock --fault chat/termination/done-sent a server with that fault, to test a client

    Exit status: 0 nothing red, 1 findings that count, 2 the run could not be made.
    """  # noqa: D301 - \b is click's word for "leave these lines as they are"


for command in (run, check, rules, explain, mock):
    main.add_command(command)

if __name__ == "__main__":
    main()
