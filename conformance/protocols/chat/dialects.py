"""Vendors' documented deviations from the chat protocol, as data. Knows no rule but by id.

A tolerance downgrades a finding to TOLERATED and never hides it. `got` is a glob on what the finding got, so that a
deviation in one place does not excuse others of the same rule.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One deviation that a vendor documents."""

    rule: str
    reason: str
    link: str
    seen: str
    """Where it was observed: version or date."""
    got: str = "*"

    def covers(self, rule: str, got: str) -> bool:
        """Whether a finding of this rule that got this is the deviation meant."""
        return rule == self.rule and fnmatchcase(got, self.got)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A vendor's way of speaking the protocol."""

    name: str
    says: str
    tolerances: tuple[Tolerance, ...] = ()


STRICT = Dialect("strict", "no deviation is tolerated")
OPENAI = Dialect("openai", "OpenAI's own service")
AZURE_LINK = "https://learn.microsoft.com/azure/ai-services/openai/concepts/content-streaming"
AZURE_SEEN = "20 recordings of 2024 and 2025"
AZURE_REASON = "the first chunk carries prompt_filter_results for the prompt and has no identity of its own"
AZURE = Dialect(
    "azure",
    "Azure OpenAI: a first chunk with prompt_filter_results and empty identity, content_filter_results beside deltas",
    tuple(
        Tolerance(rule=rule, got=got, reason=AZURE_REASON, link=AZURE_LINK, seen=AZURE_SEEN)
        for rule, got in (
            ("chat/envelope/object-named", '""*'),
            ("chat/envelope/created-in-seconds", "0*"),
            ("chat/identity/id-not-empty", '""*'),
            ("chat/identity/model-not-empty", '""*'),
        )
    ),
)

DIALECTS: tuple[Dialect, ...] = (OPENAI, AZURE, STRICT)


def find(name: str) -> Dialect:
    """The dialect of that name. Raises LookupError, naming those there are."""
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    raise LookupError(f"no dialect {name!r}; there are {', '.join(d.name for d in DIALECTS)}")
