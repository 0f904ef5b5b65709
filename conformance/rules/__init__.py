"""Every rule there is, in the order reports show them. To add a file, add a line."""

from conformance.rules.chat import termination
from conformance.rules.rule import Rule

ALL: tuple[Rule, ...] = (*termination.RULES,)
