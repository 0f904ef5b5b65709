"""Which target a command line means: the options that say it, the targets, and the words that say it again.

Knows no rule, and sends nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from conformance import targets
from conformance.probes.observers.choosing import NAMES as OBSERVERS
from conformance.probes.observers.choosing import NONE as NO_OBSERVER
from conformance.protocols.chat import dialects
from conformance.protocols.credentials import without_credentials_in_url
from conformance.running import BUILT_IN_TARGET
from conformance.targets import ConfigurationError, Target, Watched

from .writing import FILE

F = TypeVar("F", bound=Callable[..., Any])
TARGETS = Path("targets.yaml")


def _notes(_: click.Context, __: click.Parameter, notes: Sequence[str]) -> dict[str, str]:
    for note in notes:
        if "=" not in note:
            raise click.BadParameter(f"{note!r} has no '='; write  --note version=1.2")
    return dict(note.split("=", 1) for note in notes)


TARGET = (
    click.argument("names", nargs=-1, metavar="[TARGET]..."),
    click.option("--url", help="Judge this endpoint: the URL up to /v1."),
    click.option("--model", help="The model to ask for (with --url; or in place of the target's)."),
    click.option(
        "--dialect",
        type=click.Choice(dialects.NAMES),
        help="Tolerate this vendor's documented deviations; auto: guess whose they are.",
    ),
    click.option(
        "--feature",
        "features",
        multiple=True,
        metavar="NAME",
        help=f"The endpoint supports this too (with --url): {', '.join(targets.FEATURES)}. Assumed: usage, stop.",
    ),
    click.option("--slots", type=click.IntRange(1, 256), help="Requests it works on at the same time (with --url)."),
    click.option("--timeout", type=click.FloatRange(0.1, 3600), help="Seconds for one exchange (default 60)."),
    click.option("--key-env", help="Environment variable with the API key (default OPENAI_API_KEY)."),
    click.option("--no-launch", is_flag=True, help="Judge what runs already at the target's url; start nothing."),
    click.option("--insecure", is_flag=True, help="Do not check the TLS certificate."),
    click.option("--targets", "file", type=click.Path(path_type=Path), default=TARGETS, show_default=True),
)
"""What says which target is meant, and how to reach it."""
WHOLE_RUN = (
    click.option(
        "--observer",
        type=click.Choice([*OBSERVERS, NO_OBSERVER]),
        help="How to see whether it is at work (with --url); without it everything is tried.",
    ),
    click.option("-n", "--workers", type=click.IntRange(1, 64), help="Probes side by side (default 4)."),
    click.option(
        "--note",
        "notes",
        multiple=True,
        metavar="KEY=TEXT",
        callback=_notes,
        help="Kept in every recording: --note version=1.2.",
    ),
    click.option("--known-failures", "known_file", type=FILE, help="YAML: what fails, and must; beside the target's."),
)
"""What is said besides where all rules are judged."""


def options(*of_these: Callable[[F], F]) -> Callable[[F], F]:
    """Give a command these options, in this order, before its own."""

    def given(command: F) -> F:
        for option in reversed(of_these):
            command = option(command)
        return command

    return given


def choose(names: Sequence[str], asked: dict[str, Any], demanded: frozenset[str] = frozenset()) -> list[Target]:
    """The targets that are meant, with the features that are demanded of them. Raises ConfigurationError."""
    return [targets.changed(target, features=target.features | demanded) for target in _named(names, asked)]


def choose_one(asked: dict[str, Any], what: str, demanded: frozenset[str] = frozenset()) -> Target:
    """The target that `what`, a certificate say, is about. Raises ConfigurationError."""
    target, *others = choose(asked["names"], asked, demanded)
    if others:
        raise ConfigurationError(f"a {what} is about one target; give one name")
    return target


def _named(names: Sequence[str], asked: dict[str, Any]) -> list[Target]:
    _check_combination(names, asked)
    if asked["url"]:
        if names:
            raise ConfigurationError("give either names of targets or --url, not both")
        if not asked["model"]:
            raise ConfigurationError("--url needs --model: the name of a model that the endpoint serves")
        features = targets.ASSUMED | set(asked["features"])
        target = targets.given(asked["url"], asked["model"], features)
        watched = Watched(name=asked.get("observer") or "")
        target = targets.changed(target, slots=asked["slots"] or 0, observer=watched)
        return [_adjusted(target, asked)]
    wanted = names or (targets.BUILT_IN,)
    known = {targets.BUILT_IN: BUILT_IN_TARGET}
    if any(name != targets.BUILT_IN for name in wanted):
        known |= targets.load(asked["file"])
    for name in wanted:
        if name not in known:
            raise ConfigurationError(f"no target {name!r} in {asked['file']}; there are {', '.join(known)}")
    return [_adjusted(known[name], asked) for name in wanted]


def _check_combination(names: Sequence[str], asked: dict[str, Any]) -> None:
    """Options that would do nothing are mistakes; so is a URL in the place of a name."""
    for name in names:
        if "://" in name:
            raise ConfigurationError(f"{name} is no name of a target; write  --url {name} --model MODEL")
    if asked["features"] and not asked["url"]:
        raise ConfigurationError("--feature goes with --url; a target of targets.yaml has its own  features: [...]")
    for option, example in (("slots", "slots: 2"), ("observer", "observer: prometheus")):
        if asked.get(option) and not asked["url"]:
            raise ConfigurationError(f"--{option} goes with --url; a target of targets.yaml has its own  {example}")
    if asked["model"] and not asked["url"] and not names:
        raise ConfigurationError("--model goes with --url or the name of a target; write  --url http://HOST:PORT/v1")


def _adjusted(target: Target, asked: dict[str, Any]) -> Target:
    """The target with what the command line says differently."""
    said = ("dialect", "workers", "timeout", "key_env", "model")
    changes = {member: asked[member] for member in said if asked.get(member) is not None}
    if asked["insecure"]:
        changes["verify"] = False
    if asked["no_launch"]:
        changes["launch"] = None
    dialects.check_name(changes.get("dialect", target.dialect))
    return targets.changed(target, **changes)


def said_again(target: Target, asked: dict[str, Any]) -> list[str]:
    """The words of a command line that mean this target. What is secret in the URL is not said again."""
    if asked["url"]:
        words = ["--url", without_credentials_in_url(target.url), "--model", target.model]
        words += [word for feature in asked["features"] for word in ("--feature", feature)]
    else:
        words = [target.name] + (["--model", asked["model"]] if asked["model"] else [])
        words += ["--targets", str(asked["file"])] if asked["file"] != TARGETS else []
    for option in ("dialect", "timeout", "workers", "key_env", "slots", "observer"):
        if asked.get(option) is not None:
            words += [f"--{option.replace('_', '-')}", str(asked[option])]
    return words + [f"--{option.replace('_', '-')}" for option in ("no_launch", "insecure") if asked[option]]
