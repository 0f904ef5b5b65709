"""What a command line picks: rules by their ids, and a profile. Knows no rule."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from conformance import profiles
from conformance.mistakes import ConfigurationError
from conformance.profiles import Choice
from conformance.rules import ALL
from conformance.rules.rule import Rule

from .terminal import fail


def pick_rules(patterns: Sequence[str]) -> tuple[Rule, ...]:
    """Rules whose id matches one of the globs. A glob that matches nothing is an error."""
    for pattern in patterns:
        if not any(fnmatchcase(rule.id, pattern) for rule in ALL):
            fail(f"no rule matches {pattern!r}; `streamspec rules` lists them, and 'chat/usage/*' is a pattern")
    return tuple(r for r in ALL if not patterns or any(fnmatchcase(r.id, pattern) for pattern in patterns))


def pick_profile(name: str, rules: Sequence[Rule]) -> Choice:
    """What a profile makes of the rules. Where none of them counts, that is an error. Raises ConfigurationError."""
    choice = profiles.choose(profiles.find(name), rules)
    if not choice.scored:
        raise ConfigurationError(f"no rule of the profile {choice.profile.name} matches --only; nothing would count")
    return choice
