"""Every rule there is, in the order reports show them. To add a file, add a line."""

from conformance.rules.chat import content, json, limits, termination, text
from conformance.rules.rule import Rule

ALL: tuple[Rule, ...] = (
    *json.RULES,
    *content.RULES,
    *text.RULES,
    *limits.RULES,
    *termination.RULES,
)
