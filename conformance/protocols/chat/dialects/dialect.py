"""What a dialect consists of: documented deviations, and the marks by which its bytes are known. Knows no vendor.

A tolerance downgrades a finding to TOLERATED and never hides it. It says as narrowly as it can what it covers: the
rule, a glob on what the finding got, and, where the same deviation is excused only in one place, a glob on a fact of
the message at fault or of the request (facts.py says how facts are written).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding

from .facts import members


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One deviation that a vendor documents, or evidently means."""

    rule: str
    """Id of a rule, or a glob on ids where a vendor does the same on every endpoint: "*/refused/code"."""
    reason: str
    link: str
    """Where the vendor says so: its documentation, its source, or its answer to a bug report."""
    seen: str
    """Where it was observed: version or date."""
    got: str = "*"
    """Glob on what the finding got, so that a deviation in one place does not excuse others of the same rule."""
    message: str = ""
    """Glob on a fact of the message at fault (or of the document), like "/prompt_filter_results*"."""
    request: str = ""
    """Glob on a fact of the request's body, like "/max_tokens = -*"."""

    def concerns(self, rule: str) -> bool:
        """Whether it is about this rule."""
        return fnmatchcase(rule, self.rule)

    def covers(self, finding: Finding, exchange: Exchange) -> bool:
        """Whether this finding, made of this exchange, is the deviation meant."""
        if not self.concerns(finding.rule) or not fnmatchcase(finding.got, self.got):
            return False
        if self.request and not _holds(self.request, exchange.request.body):
            return False
        return not self.message or _holds(self.message, _at_fault(finding, exchange))

    def __str__(self) -> str:
        """The rule, and what narrows the tolerance."""
        limits = {"got": self.got if self.got != "*" else "", "message": self.message, "request": self.request}
        said = ", ".join(f"{name} {glob}" for name, glob in limits.items() if glob)
        return f"{self.rule} ({said})" if said else self.rule


WEAK, FAIR, STRONG, NAMED, GATEWAY = 1, 2, 4, 12, 30
"""How much a clue weighs: a form that several share, a form that few share, a member or header that one vendor
sends, the vendor's own name, and the name of a gateway, which outweighs everything that it hands on."""


@dataclass(frozen=True, slots=True)
class Clue:
    """A mark of a vendor, found in what it sends."""

    fact: str
    """Regular expression for a whole line of facts.py."""
    weight: int
    says: str
    """What it is, in words that go on from "because there is"."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A vendor's way of speaking the protocol."""

    name: str
    says: str
    tolerances: tuple[Tolerance, ...] = ()
    clues: tuple[Clue, ...] = ()


def _holds(glob: str, value: object) -> bool:
    return any(fnmatchcase(fact, glob) for fact in members(value))


def _at_fault(finding: Finding, exchange: Exchange) -> object:
    """The message that the finding is about; the whole document where there is no stream."""
    if finding.event is None:
        return exchange.document
    return next((step.chunk for step in exchange.steps if step.number == finding.event), None)
