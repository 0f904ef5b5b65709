"""targets.yaml to Target records, with errors that show the line to write instead. Knows no network.

Everything that can be wrong with the file is found before anything is sent: unknown keys, wrong types, unknown
dialects and features, known failures that name no rule, launch commands that cannot be, and keys written twice.
"""

import difflib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml
from jsonschema.exceptions import ValidationError

import schemas
from conformance.protocols.chat.dialects import NAMES
from conformance.rules import ALL

FEATURES = tuple(dict.fromkeys(rule.needs.feature for rule in ALL if rule.needs.feature))
"""What a target may declare: the features that rules ask for."""
ASSUMED = frozenset({"usage", "stop"})
"""Declared for an endpoint that is given by its URL alone."""
BUILT_IN = "mock"
"""Name of the mock server that comes with the suite."""
MAX_FILE = 1024 * 1024
PLACEHOLDERS = ("host", "port", "model")
"""What stands between braces in a launch command is filled in: the url's host and port, the target's model."""
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts at which a server that is started here can be reached."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the text says what to write instead."""


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
    known_failures: dict[str, str] = field(default_factory=dict)
    """Id of each rule that is known to fail, and why."""
    launch: Launch | None = None
    """None for a server that runs already."""
    slots: int = 0
    """Requests that it works on at the same time; 0 where that is not declared."""
    long: Long = field(default_factory=Long)
    observer: Watched = field(default_factory=Watched)


def load(path: Path) -> dict[str, Target]:
    """The targets of a file, by name. Raises ConfigurationError."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigurationError(f"{path} is larger than {MAX_FILE} bytes: that is no list of targets")
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        says = f"cannot read {path}: there is no such file; write there at least\n{EXAMPLE}"
        raise ConfigurationError(says) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"cannot read {path}: it is not UTF-8") from error
    return parse(text, str(path))


def parse(text: str, name: str = "targets.yaml") -> dict[str, Target]:
    """The targets of a text in YAML, by name. Raises ConfigurationError, which lists every mistake with its line."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ConfigurationError(f"{name}: aliases (*name) are not read here; write the values out")
        root = yaml.compose(text, yaml.SafeLoader)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place else ""
        raise ConfigurationError(f"{name}{line}: this is not YAML: {getattr(error, 'problem', error)}") from error
    if root is None:
        raise ConfigurationError(f"{name} is empty; write at least\n{EXAMPLE}")
    mistakes = [*_key_mistakes(root)] or [*_schema_mistakes(root, value)]
    if not mistakes:
        mistakes = [*_name_mistakes(root, value)]
    if mistakes:
        raise ConfigurationError("\n".join(f"{name}:{line}: {says}" for line, says in sorted(set(mistakes))))
    return {key: _target(key, entry) for key, entry in value["targets"].items()}


def given(url: str, model: str, features: frozenset[str] = ASSUMED) -> Target:
    """A target that is no entry of a file. Raises ConfigurationError."""
    if not re.match(URL, url):
        raise ConfigurationError(f"the url {url!r} is not {PATTERNS[URL]}; write  --url http://127.0.0.1:8000/v1")
    for feature in sorted(features):
        if feature not in FEATURES:
            raise ConfigurationError(f"no rule asks for a feature {feature!r}; {_instead(feature, list(FEATURES))}")
    return Target(name="url", url=url, model=model, features=features)


def changed(target: Target, **members: Any) -> Target:
    """The same target with some members said differently."""
    return replace(target, **members)


EXAMPLE = """\
targets:
  my-server:
    url: http://127.0.0.1:8000/v1
    model: my-model"""


def _target(name: str, entry: dict[str, Any]) -> Target:
    members = {
        k: v for k, v in entry.items() if k not in ("protocol", "features", "known_failures", "launch", "observer")
    }
    if "features" in entry:
        members["features"] = frozenset(entry["features"])
    if "long" in entry:
        members["long"] = Long(**entry["long"])
    known = {
        rule.id: known["reason"] + (f" ({known['link']})" if "link" in known else "")
        for known in entry.get("known_failures", [])
        for rule in ALL
        if fnmatchcase(rule.id, known["rule"])
    }
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


Mistake = tuple[int, str]
"""A line, counted from 1, and what is wrong with it."""


def _schema_mistakes(root: yaml.Node, value: object) -> Iterator[Mistake]:
    for error in schemas.explain("targets").iter_errors(value):
        yield from _in_words(root, error)


def _in_words(root: yaml.Node, error: ValidationError) -> Iterator[Mistake]:
    path = list(error.absolute_path)
    where = ".".join(str(part) for part in path) or "the file"
    line = _line(root, path)
    match error.validator:
        case "additionalProperties":
            known = list(cast("dict[str, Any]", error.schema)["properties"])
            for key in sorted(set(cast("dict[str, Any]", error.instance)) - set(known)):
                yield _line(root, [*path, key]), f"unknown key {key!r} in {where}; {_instead_of_key(key, known)}"
        case "required":
            key = error.message.split("'")[1]
            yield line, f"{where} has no {key!r}; write, below it:  {key}: {HINTS.get(key, '...')}"
        case "type":
            types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
            wanted = " or ".join(TYPES.get(str(name), str(name)) for name in types)
            yield line, f"{where} is {_yaml_type(error.instance)}, wanted {wanted}{_hint(path, 'write')}"
        case "pattern":
            pattern = str(error.validator_value)
            is_name = "propertyNames" in error.absolute_schema_path
            hint, subject = ("", "the name ") if is_name else (_hint(path), "")
            yield line, f"{where}: {subject}{error.instance!r} is not {PATTERNS.get(pattern, pattern)}{hint}"
        case _:
            yield line, f"{where}: {error.message[:200]}{_hint(path)}"


def _hint(path: list[Any], write: str = "write for instance") -> str:
    """What could stand at this place instead, "" where nothing is known of it."""
    key = str(path[-1]) if path else ""
    value = HINTS.get(".".join(map(str, path[-2:])), HINTS.get(key))
    return f"; {write}:  {key}: {value}" if value else ""


URL = "^https?://[^/]"
METRIC = schemas.load("targets")["$defs"]["metric"]["pattern"]
PATTERNS = {
    URL: "http:// or https:// with a host behind it",
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "made of letters, digits, dots, dashes and underscores, a letter or digit first",
    "^[A-Za-z_][A-Za-z0-9_]*$": "the name of an environment variable: letters, digits and underscores, no digit first",
    "^/[!-~]*$": "a path: a slash, then no spaces",
    "^https?://": "a link: http:// or https:// first",
    "^(?:journal|prometheus|slots|cpu|black-box|none)$": "journal, prometheus, slots, cpu, black-box or none",
    "^(?!(?:model|messages|stream)$)": "left to you: model, messages and stream are put in",
    METRIC: 'the name of a metric, with {label="value"} behind it or without, or several of them joined by +',
}
"""The patterns of schemas/targets.json in words."""
TYPES = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number"}
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
    "known_failures": "[{rule: chat/usage/null-elsewhere, reason: 'fixed in the next release'}]",
    "rule": "chat/usage/null-elsewhere",
    "reason": "'why it fails'",
    "link": "https://example.org/issue/1",
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


def _name_mistakes(root: yaml.Node, value: dict[str, Any]) -> Iterator[Mistake]:
    """Names that the schema cannot check: dialects, features, rules."""
    dialects, ids = list(NAMES), [rule.id for rule in ALL]
    for name, entry in value["targets"].items():
        path = ["targets", name]
        if (dialect := entry.get("dialect", "openai")) not in dialects:
            yield _line(root, [*path, "dialect"]), f"no dialect {dialect!r}; {_instead(dialect, dialects, 'dialect: ')}"
        for position, feature in enumerate(entry.get("features", [])):
            if feature not in FEATURES:
                line = _line(root, [*path, "features", position])
                yield line, f"no rule asks for a feature {feature!r}; {_instead(feature, list(FEATURES), '- ')}"
        for position, known in enumerate(entry.get("known_failures", [])):
            if not any(fnmatchcase(rule_id, known["rule"]) for rule_id in ids):
                line = _line(root, [*path, "known_failures", position, "rule"])
                yield (
                    line,
                    f"the known failure {known['rule']!r} names no rule; {_instead(known['rule'], ids, 'rule: ')}",
                )
        yield from _launch_mistakes(root, name, entry)
        if name == BUILT_IN:
            yield (
                _line(root, path),
                f"the name {BUILT_IN!r} is taken by the built-in mock server; write:  my-{BUILT_IN}:",
            )


def _launch_mistakes(root: yaml.Node, name: str, entry: dict[str, Any]) -> Iterator[Mistake]:
    """What keeps a server from being started, or from being found where it was started."""
    if (launch := entry.get("launch")) is None:
        return
    url, command = _line(root, ["targets", name, "url"]), _line(root, ["targets", name, "launch", "command"])
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


def _instead(written: str, known: list[str], before: str = "") -> str:
    near = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    if near:
        return f"write:  {before}{near[0]}"
    shown = ", ".join(known) if len(known) <= 20 else f"one of the {len(known)} that `streamspec rules` lists"
    return f"there are: {shown}"


def _instead_of_key(written: str, known: list[str]) -> str:
    near = difflib.get_close_matches(written, known, n=1, cutoff=0.5)
    return f"write:  {near[0]}: {HINTS.get(near[0], '...')}" if near else f"there are: {', '.join(known)}"


def _yaml_type(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "empty"}
    return names.get(type(value), "a number")


def _key_mistakes(node: yaml.Node) -> Iterator[Mistake]:
    """Keys that YAML lets through and nobody means: the same one twice, and numbers or truth values as keys."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            line = key.start_mark.line + 1
            if key.tag != "tag:yaml.org,2002:str":
                yield line, f"the key {key.value!r} is not text; write:  '{key.value}':"
            elif key.value in seen:
                yield line, f"the key {key.value!r} is written twice; delete one"
            seen.add(str(key.value))
            yield from _key_mistakes(child)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _key_mistakes(child)


def _line(node: yaml.Node, path: list[Any]) -> int:
    """The line of the deepest node on a path that there is."""
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, child) for key, child in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
