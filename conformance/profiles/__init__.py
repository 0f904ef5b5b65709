"""Profiles: frozen, dated lists of rules that a run or a certificate is about. Judges nothing and knows no target.

A profile names each rule with the version of its meaning, so that what it demands stays the same while the suite goes
on: a rule that came later is a candidate, which is reported and not scored, and so is one whose meaning has changed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from conformance import mistakes
from conformance.mistakes import ConfigurationError, Kind, Mistake, instead, line_of
from conformance.probes.trials.catalogue import TRIALS
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.verdicts import Measure

NAMES = (
    "chat-core-2026.1",
    "chat-tools-2026.1",
    "chat-full-2026.1",
    "completions-2026.1",
    "benchmark-consumers-2026.1",
)
"""The frozen profiles that come with the suite."""
EXAMPLE = """\
profile: ours
says: what our own clients need
rules:
  chat/termination/done-sent: 1"""
HINTS = {
    "profile": "ours",
    "says": "what our own clients need",
    "frozen": "'2026-11-20'",
    "demands": "[usage, tools]",
    "rules": "{chat/termination/done-sent: 1}",
}
PATTERNS = {
    "^[a-z0-9][a-z0-9.-]*$": "a name of small letters, digits, dots and dashes",
    "^\\d{4}-\\d{2}-\\d{2}$": "a day as text, like '2026-11-20'",
}
KIND = Kind(schema="profile", says="profile", example=EXAMPLE, hints=HINTS, patterns=PATTERNS)
FEATURES = tuple(dict.fromkeys(rule.needs.feature for rule in ALL if rule.needs.feature))
"""What a profile may demand: the features that rules ask for."""
IN_TRIALS = frozenset(trial.name for trial in TRIALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A list of rules, each with the version that is meant."""

    name: str
    says: str
    rules: dict[str, int]
    """The version of each rule, by its id."""
    demands: frozenset[str] = frozenset()
    """Features that are judged whether the target declares them or not."""
    frozen: str = ""
    """The day since which it does not change; "" for one that may."""
    text: str
    """The file, as it is."""

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a profile comes to in this suite."""

    profile: Profile
    scored: tuple[Rule, ...]
    """Rules that count, in the order of reports."""
    candidates: tuple[Rule, ...]
    """Rules that are run and reported, and never make a run red."""
    moved: tuple[str, ...]
    """Why rules that the profile lists cannot be scored: this suite has another version of them, or none."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is to be run."""
        return self.scored + self.candidates

    @property
    def unscored(self) -> frozenset[str]:
        """Ids of the candidates."""
        return frozenset(rule.id for rule in self.candidates)

    @property
    def measure(self) -> Measure:
        """The profile, as reports tell of it."""
        return Measure(self.profile.name, self.profile.digest, self.moved)


@cache
def load(name: str) -> Profile:
    """A profile that comes with the suite. Raises LookupError."""
    if name not in NAMES:
        raise LookupError(f"no profile {name!r}; there are {', '.join(NAMES)}")
    return parse(files(__package__).joinpath(f"{name}.yaml").read_text("utf-8"), f"{name}.yaml", ever=True)


def find(wanted: str) -> Profile:
    """A profile by its name, or by the path of its file. Raises ConfigurationError."""
    if wanted in NAMES:
        return load(wanted)
    if wanted.endswith((".yaml", ".yml")) or "/" in wanted:
        return read(Path(wanted))
    raise ConfigurationError(f"no profile {wanted!r}; {instead(wanted, NAMES)}; a file of your own ends in .yaml")


def read(path: Path) -> Profile:
    """The profile of a file. Raises ConfigurationError."""
    return parse(mistakes.read(path, KIND), str(path))


def parse(text: str, name: str, *, ever: bool = False) -> Profile:
    """The profile that a text in YAML says. Raises ConfigurationError, which lists every mistake with its line.

    `ever`: it was written for another version of the suite, maybe; rules and features that this one does not know are
    no mistakes of its writer.
    """
    _, value = mistakes.parse(text, name, KIND, _nothing if ever else _name_mistakes)
    return Profile(
        name=value["profile"],
        says=value["says"],
        rules=dict(value["rules"]),
        demands=frozenset(value.get("demands", ())),
        frozen=value.get("frozen", ""),
        text=text,
    )


def choose(profile: Profile, among: Sequence[Rule] = ALL) -> Choice:
    """What counts, what is only reported, and what this suite cannot score any more. `among`: rules that are wanted."""
    present = {rule.id: rule for rule in ALL}
    fields = {_field(present[rule_id]) for rule_id in profile.rules if rule_id in present}
    scored, candidates = [], []
    for rule in among:
        if profile.rules.get(rule.id) == rule.version:
            scored.append(rule)
        elif rule.id in profile.rules or (rule.id not in listed() and _field(rule) in fields):
            candidates.append(rule)
    moved = tuple(
        f"{rule_id}: the profile lists version {version}, this suite has "
        + (f"version {present[rule_id].version}" if rule_id in present else "no such rule any more")
        for rule_id, version in profile.rules.items()
        if rule_id not in present or present[rule_id].version != version
    )
    return Choice(profile, tuple(scored), tuple(candidates), moved)


@cache
def listed() -> frozenset[str]:
    """Ids that a profile of the suite lists, in any version. A rule that none lists is new: a candidate."""
    return frozenset(rule_id for name in NAMES for rule_id in load(name).rules)


def of_rule(rule: Rule) -> tuple[str, ...]:
    """Names of the profiles of the suite that score a rule as it is."""
    return tuple(name for name in NAMES if load(name).rules.get(rule.id) == rule.version)


def _field(rule: Rule) -> tuple[str, str, bool]:
    """What a rule is about, roughly: its topic, the feature it asks for, and whether it takes trials."""
    return rule.id.partition("/")[0], rule.needs.feature, not IN_TRIALS.isdisjoint(rule.needs.probes)


def _nothing(_: yaml.Node, __: Any) -> Iterator[Mistake]:
    return iter(())


def _name_mistakes(root: yaml.Node, value: dict[str, Any]) -> Iterator[Mistake]:
    """Names that the schema cannot check: rules and their versions, features."""
    versions = {rule.id: rule.version for rule in ALL}
    for rule_id, version in value["rules"].items():
        line = line_of(root, ["rules", rule_id])
        if rule_id not in versions:
            yield line, f"there is no rule {rule_id!r}; {instead(rule_id, list(versions))}"
        elif version > versions[rule_id]:
            yield line, f"there is no version {version} of {rule_id}; write:  {rule_id}: {versions[rule_id]}"
    for position, feature in enumerate(value.get("demands", [])):
        if feature not in FEATURES:
            line = line_of(root, ["demands", position])
            yield line, f"no rule asks for a feature {feature!r}; {instead(feature, list(FEATURES), '- ')}"
