"""targets.yaml to Target records, with errors that show the line to write instead. Knows no network.

Everything that can be wrong with the file is found before anything is sent: unknown keys, wrong types, unknown
dialects and features, launch commands that cannot be, and keys written twice. A known failure that names no rule is
told with the verdicts: a rule that went away with an upgrade leaves a report, and not just a complaint.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

import schemas
from conformance import known_file, mistakes
from conformance.known import Known
from conformance.mistakes import ConfigurationError as ConfigurationError  # whoever reads targets catches it
from conformance.mistakes import Kind, Mistake, instead, line_of
from conformance.protocols.chat.dialects import NAMES
from conformance.rules import ALL

FEATURES = tuple(dict.fromkeys(rule.needs.feature for rule in ALL if rule.needs.feature))
"""What a target may declare: the features that rules ask for."""
ASSUMED = frozenset({"usage", "stop"})
"""Declared for an endpoint that is given by its URL alone."""
BUILT_IN = "mock"
"""Name of the mock server that comes with the suite."""
PLACEHOLDERS = ("host", "port", "model")
"""What stands between braces in a launch command is filled in: the url's host and port, the target's model."""
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts at which a server that is started here can be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a target's server is started on this machine."""

    command: tuple[str, ...]
    """Program and arguments, placeholders not filled in."""
    env: dict[str, str] = field(default_factory=dict)
    """Set for the server, beside what is set already."""
    ready: str = "/v1/models"
    """What is asked for until it is there (status 200)."""
    seconds: float = 120.0
    """How long that may take."""
    log: str = ""
    """Where the server's output goes; "" for a file of its own among the temporary ones."""
    install: str = ""
    """How to get the program, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Long:
    """What is asked for where an answer has to be long."""

    prompt: str = ""
    """What the user says; "" for a story of ten thousand words."""
    body: dict[str, Any] = field(default_factory=dict)
    """Further members of the request: what makes this server go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How a target's server is seen to be at work."""

    name: str = ""
    """An observer's name, "none", or "" for whichever sees."""
    url: str = ""
    """Of the document that is read; "" for the server's own."""
    running: str = ""
    """A sum of metrics: requests at work."""
    produced: str = ""
    """A sum of metrics: tokens made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An endpoint to judge."""

    name: str
    url: str
    model: str
    dialect: str = "openai"
    says: str = ""
    key_env: str = "OPENAI_API_KEY"
    key_header: str = "authorization"
    headers: dict[str, str] = field(default_factory=dict)
    features: frozenset[str] = ASSUMED
    workers: int = 4
    timeout: float = 60.0
    verify: bool = True
    known_failures: tuple[Known, ...] = ()
    """What is known to fail, or to be flaky."""
    launch: Launch | None = None
    """None for a server that runs already."""
    slots: int = 0
    """Requests that it works on at the same time; 0 where that is not declared."""
    long: Long = field(default_factory=Long)
    observer: Watched = field(default_factory=Watched)


def load(path: Path) -> dict[str, Target]:
    """The targets of a file, by name. Raises ConfigurationError."""
    return parse(mistakes.read(path, KIND), str(path))


def parse(text: str, name: str = "targets.yaml") -> dict[str, Target]:
    """The targets of a text in YAML, by name. Raises ConfigurationError, which lists every mistake with its line."""
    root, value = mistakes.parse(text, name, KIND, _name_mistakes)
    return {
        key: _target(key, entry, known_file.entries_of(entry, root, ["targets", key], name, target=key))
        for key, entry in value["targets"].items()
    }


def given(url: str, model: str, features: frozenset[str] = ASSUMED) -> Target:
    """A target that is no entry of a file. Raises ConfigurationError."""
    if not re.match(URL, url):
        raise ConfigurationError(f"the url {url!r} is not {PATTERNS[URL]}; write  --url http://127.0.0.1:8000/v1")
    for feature in sorted(features):
        if feature not in FEATURES:
            raise ConfigurationError(f"no rule asks for a feature {feature!r}; {instead(feature, list(FEATURES))}")
    return Target(name=known_file.UNNAMED, url=url, model=model, features=features)


def changed(target: Target, **members: Any) -> Target:
    """The same target with some members said differently."""
    return replace(target, **members)


EXAMPLE = """\
targets:
  my-server:
    url: http://127.0.0.1:8000/v1
    model: my-model"""


def _target(name: str, entry: dict[str, Any], known: tuple[Known, ...]) -> Target:
    apart = ("protocol", "features", *known_file.LISTS, "launch", "observer")
    members = {k: v for k, v in entry.items() if k not in apart}
    if "features" in entry:
        members["features"] = frozenset(entry["features"])
    if "long" in entry:
        members["long"] = Long(**entry["long"])
    watched = _watched(entry.get("observer", ""))
    return Target(name=name, known_failures=known, launch=_launch(entry.get("launch")), observer=watched, **members)


def _watched(entry: str | dict[str, dict[str, str]]) -> Watched:
    if isinstance(entry, str):
        return Watched(name=entry)
    ((name, members),) = entry.items()
    return Watched(name=name, **members)


def _launch(entry: dict[str, Any] | None) -> Launch | None:
    if entry is None:
        return None
    command = entry["command"]
    argv = shlex.split(command) if isinstance(command, str) else command
    return Launch(command=tuple(argv), **{key: value for key, value in entry.items() if key != "command"})


URL = "^https?://[^/]"
METRIC = schemas.load("targets")["$defs"]["metric"]["pattern"]
PATTERNS = {
    URL: "http:// or https:// with a host behind it",
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "made of letters, digits, dots, dashes and underscores, a letter or digit first",
    "^[A-Za-z_][A-Za-z0-9_]*$": "the name of an environment variable: letters, digits and underscores, no digit first",
    "^/[!-~]*$": "a path: a slash, then no spaces",
    "^(?:journal|prometheus|slots|cpu|black-box|none)$": "journal, prometheus, slots, cpu, black-box or none",
    "^(?!(?:model|messages|stream)$)": "left to you: model, messages and stream are put in",
    **known_file.PATTERNS,
    METRIC: 'the name of a metric, with {label="value"} behind it or without, or several of them joined by +',
}
"""The patterns of schemas/targets.json in words."""
HINTS = {
    "targets": "{my-server: {url: 'http://127.0.0.1:8000/v1', model: my-model}}",
    "url": "http://127.0.0.1:8000/v1",
    "model": "my-model",
    "says": "vLLM on my machine",
    "dialect": "openai",
    "key_env": "OPENAI_API_KEY",
    "key_header": "authorization",
    "headers": "{x-team: search}",
    "features": "[usage, stop]",
    "workers": "4",
    "timeout": "60",
    "verify": "true",
    **{key: hint for key, hint in known_file.HINTS.items() if key != "target"},
    "protocol": "chat",
    "launch": "{command: 'my-server --port {port}', ready: /health}",
    "command": "my-server --port {port}",
    "env": "{OMP_NUM_THREADS: '1'}",
    "ready": "/health",
    "seconds": "120",
    "log": "my-server.log",
    "install": "pip install my-server",
    "slots": "2",
    "observer.slots": "{url: 'http://127.0.0.1:8000/slots'}",
    "observer.journal": "{url: 'http://127.0.0.1:8000/journal'}",
    "observer.prometheus": "{running: my_requests_running}",
    "long": "{prompt: 'Count to ten thousand', body: {ignore_eos: true}}",
    "prompt": "Count to ten thousand",
    "body": "{ignore_eos: true}",
    "observer": "prometheus",
    "running": "'my_requests_running{model=\"m\"}'",
    "produced": "my_tokens_total",
}
KIND = Kind(
    schema="targets",
    says="list of targets",
    example=EXAMPLE,
    hints=HINTS,
    patterns=PATTERNS,
    dates=known_file.KIND.dates,
)


def _name_mistakes(root: yaml.Node, value: dict[str, Any]) -> Iterator[Mistake]:
    """Names that the schema cannot check: dialects and features."""
    dialects = list(NAMES)
    for name, entry in value["targets"].items():
        path = ["targets", name]
        if (dialect := entry.get("dialect", "openai")) not in dialects:
            yield (
                line_of(root, [*path, "dialect"]),
                f"no dialect {dialect!r}; {instead(dialect, dialects, 'dialect: ')}",
            )
        for position, feature in enumerate(entry.get("features", [])):
            if feature not in FEATURES:
                line = line_of(root, [*path, "features", position])
                yield line, f"no rule asks for a feature {feature!r}; {instead(feature, list(FEATURES), '- ')}"
        yield from known_file.day_mistakes(root, entry, path)
        yield from _launch_mistakes(root, name, entry)
        if name == BUILT_IN:
            yield (
                line_of(root, path),
                f"the name {BUILT_IN!r} is taken by the built-in mock server; write:  my-{BUILT_IN}:",
            )


def _launch_mistakes(root: yaml.Node, name: str, entry: dict[str, Any]) -> Iterator[Mistake]:
    """What keeps a server from being started, or from being found where it was started."""
    if (launch := entry.get("launch")) is None:
        return
    url, command = line_of(root, ["targets", name, "url"]), line_of(root, ["targets", name, "launch", "command"])
    example = "write:  url: http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(entry["url"])
        reachable = parts.scheme == "http" and parts.hostname in LOCAL and parts.port
    except ValueError:
        reachable = None
    if not reachable:
        yield url, f"a server that is launched here is reached by http, at this machine, with a port; {example}"
    try:
        argv = shlex.split(launch["command"]) if isinstance(launch["command"], str) else launch["command"]
    except ValueError as error:
        yield command, f"the command cannot be split ({str(error).lower()}); write it as a list, an argument a line"
        return
    if not argv:
        yield command, f"the command is empty; write:  command: {HINTS['command']}"
    for unknown in {word for part in argv for word in re.findall(r"(?<!\$)\{([a-z_]+)\}", part)} - {*PLACEHOLDERS}:
        yield command, f"nothing is known to fill in for {{{unknown}}}; there are {{host}}, {{port}} and {{model}}"
