"""`streamspec profiles`: what the profiles are, and what one of them demands. Judges nothing."""

from typing import Any

import click
from rich.text import Text

from conformance import profiles as frozen
from conformance.mistakes import ConfigurationError
from conformance.profiles import Choice
from conformance.report import catalogue

from .terminal import fail, out, say
from .writing import json_text


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything about them, as JSON.")
@click.option("--yaml", "as_yaml", is_flag=True, help="The file of the one named, to begin one of your own with.")
def profiles(name: str | None, as_json: bool, as_yaml: bool) -> None:
    """List the profiles, or the rules of one: NAME, or a YAML file of your own.

    A profile is a frozen list of rules: `streamspec run --profile NAME` scores these and no others. Rules that came
    later are candidates, which are run and reported, and never make a run red.

    \b
    streamspec profiles chat-core-2026.1
    streamspec profiles chat-core-2026.1 --yaml > ours.yaml
    """  # noqa: D301 - click's mark
    try:
        chosen = [frozen.choose(frozen.find(one)) for one in ([name] if name else frozen.NAMES)]
    except ConfigurationError as problem:
        fail(str(problem))
    if as_yaml:
        if name is None:
            fail(f"--yaml needs a name; there are {', '.join(frozen.NAMES)}")
        click.echo(chosen[0].profile.text, nl=False)
    elif as_json:
        click.echo(json_text([_as_json(choice) for choice in chosen]), nl=False)
    elif name:
        catalogue.table(chosen[0].scored, out)
    else:
        for choice in chosen:
            _line(choice)
    for told in (told for choice in chosen for told in choice.moved):
        say(f"not scored: {told}", "yellow")


def _line(choice: Choice) -> None:
    profile = choice.profile
    demands = f"; demands {', '.join(sorted(profile.demands))}" if profile.demands else ""
    candidates = f", {len(choice.candidates)} candidates" if choice.candidates else ""
    about = f"{profile.says} ({len(choice.scored)} rules{candidates}{demands})"
    out.print(Text.assemble((f"{profile.name:<27}", "bold"), " ", about), soft_wrap=True)


def _as_json(choice: Choice) -> dict[str, Any]:
    profile = choice.profile
    return {
        "profile": profile.name,
        "says": profile.says,
        "frozen": profile.frozen,
        "digest": f"sha256:{profile.digest}",
        "demands": sorted(profile.demands),
        "rules": profile.rules,
        "candidates": sorted(choice.unscored),
        "moved": list(choice.moved),
    }
