"""What has to hold of a server besides the rules: statements about requests that nobody wrote down beforehand.

An oracle is a rule without mutants of its own: what breaks it is a server, not an answer (tests/serverfuzz has them).
Rules and dialects go first; an oracle speaks of what no rule sees. Knows no request and sends none.
"""

from dataclasses import dataclass

from conformance.protocols.finding import Finding
from conformance.rules.rule import MUST, SHOULD, Level
from conformance.rules.sources import OPENAPI, RFC9110, SUITE, Source


@dataclass(frozen=True, slots=True)
class Oracle:
    """A statement, how strong it is, and who says so."""

    id: str
    level: Level
    says: str
    source: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A statement that is broken, and where. Two faults of the same kind are the same failure."""

    kind: str
    """Id of the rule or oracle; behind it what is wrong with the request, or what the server says, where that tells
    failures apart."""
    rule: str
    level: Level
    says: str
    source: tuple[Source, ...]
    finding: Finding
    suite: bool = False
    """A rule raised an exception: the fault is ours."""
    promoted: bool = False
    """It counts, though it is no MUST."""

    @property
    def red(self) -> bool:
        """Whether it counts."""
        return self.promoted or self.level is MUST


def fault(oracle: Oracle, wanted: str, got: str, *, about: str = "", level: Level | None = None) -> Fault:
    """An oracle that is broken. `about` tells failures of the same oracle apart."""
    kind = f"{oracle.id} ({about})" if about else oracle.id
    found = Finding(wanted=wanted, got=got, rule=oracle.id)
    return Fault(kind, oracle.id, level or oracle.level, oracle.says, oracle.source, found)


CONNECTS = Oracle(
    "fuzz/connects",
    MUST,
    "The server takes connections.",
    (SUITE.at("nothing can be asked of it otherwise"),),
)
ALIVE = Oracle(
    "fuzz/alive",
    MUST,
    "The plainest request is answered, whatever came before it.",
    (SUITE.at("a request that ends the service for all others is a way to attack it"),),
)
ANSWERS = Oracle(
    "fuzz/answers",
    MUST,
    "Every request is answered with a response head.",
    (RFC9110.at("3.4: a server responds to a client's request"),),
)
IN_TIME = Oracle(
    "fuzz/in-time",
    MUST,
    "An answer of a few tokens comes to an end.",
    (SUITE.at("in ten times as long as the slowest plain answer, and not less than some seconds"),),
)
ENDLESS = Oracle(
    "fuzz/bounded",
    MUST,
    "A stream has no more messages than its tokens need.",
    (OPENAPI.at("max_completion_tokens: an upper bound"), SUITE.at("three messages a token, and 40")),
)
NO_SERVER_ERROR = Oracle(
    "fuzz/no-server-error",
    MUST,
    "No request is answered with a 5xx status.",
    (
        RFC9110.at("15.6: 5xx, the server is aware that it has erred"),
        SUITE.at("501 and 503 apart; clients try again on 5xx, and error rates wake people up"),
    ),
)
SERVED = Oracle(
    "fuzz/served",
    MUST,
    "A valid request is served.",
    (OPENAPI.at("CreateChatCompletionRequest"), SUITE.at("as far as the target declares what it asks for")),
)
REFUSED = Oracle(
    "fuzz/refused",
    SHOULD,
    "A request with one thing wrong is refused with a 4xx status.",
    (OPENAPI.at("CreateChatCompletionRequest"), SUITE.at("where no rule says more; many servers pass over much")),
)
STOP_CUTS = Oracle(
    "fuzz/stop-cuts",
    MUST,
    "A stop sequence ends the text where it would have come, and nowhere else.",
    (
        OPENAPI.at("StopConfiguration: the API will stop; the returned text will not contain the stop sequence"),
        SUITE.at("a target that is deterministic says the same up to there"),
    ),
)
STOP_FINISHES = Oracle(
    "fuzz/stop-finishes",
    MUST,
    "A text that a stop sequence ended has the finish_reason stop.",
    (OPENAPI.at("finish_reason: stop if the model hit a natural stop point or a provided stop sequence"),),
)
SHORTER = Oracle(
    "fuzz/shorter",
    MUST,
    "With one token less the text is the same, less its end.",
    (SUITE.at("a target that is deterministic; the limit ends a text and changes nothing before"),),
)
LIMIT_REACHED = Oracle(
    "fuzz/limit-reached",
    MUST,
    "A text that ends for its length has as many tokens as it was allowed.",
    (OPENAPI.at("finish_reason: length if the maximum number of tokens specified in the request was reached"),),
)
LIMIT_KEPT = Oracle(
    "fuzz/limit-kept",
    MUST,
    "A text has no more tokens than it was allowed.",
    (OPENAPI.at("max_completion_tokens: an upper bound for the number of tokens that can be generated"),),
)
USAGE_APART = Oracle(
    "fuzz/usage-changes-nothing",
    MUST,
    "Asking for usage changes nothing of the text.",
    (OPENAPI.at("include_usage: an additional chunk"), SUITE.at("a target that is deterministic")),
)
ALL_COUNTED = Oracle(
    "fuzz/choices-counted",
    MUST,
    "Usage counts the tokens of all choices.",
    (OPENAPI.at("CompletionUsage.completion_tokens"), SUITE.at("two texts have more tokens than the first alone")),
)
SAME_ORDERED = Oracle(
    "fuzz/order-of-members",
    MUST,
    "The order of a request's members changes nothing.",
    (SUITE.at("RFC 8259: an object is unordered; a target that is deterministic"),),
)
STALE = Oracle(
    "fuzz/nothing-stale",
    MUST,
    "A stream shows nothing of one that its client has left.",
    (SUITE.at("each request has a word repeated that nobody can guess"),),
)
OWN_TEXT = Oracle(
    "fuzz/text-of-its-own",
    MUST,
    "A stream shows nothing of another one that is open beside it.",
    (SUITE.at("each request has a word repeated that nobody can guess"),),
)
OWN_ID = Oracle(
    "fuzz/id-of-its-own",
    MUST,
    "Streams that are open at the same time have different ids.",
    (OPENAPI.at("CreateChatCompletionStreamResponse.id: A unique identifier"),),
)
FINISHES = Oracle(
    "fuzz/whole-beside-others",
    MUST,
    "A stream comes to its end, whatever becomes of those beside it.",
    (SUITE.at("others were opened, read and left meanwhile"),),
)
NOT_SLOWER = Oracle(
    "fuzz/not-slower",
    SHOULD,
    "The same request is answered as fast after all others as before.",
    (SUITE.at("by an exact test on ranks, made twice"),),
)
