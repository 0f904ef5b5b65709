"""Cases by what they are about, in words that need no knowledge of the suite. Knows no client and no verdict."""

from fnmatch import fnmatchcase

BROKEN_OFF = (
    "transport/cut*",
    "transport/silence/*",
    "transport/framing/*",
    "mutant/http/framing/*",
    "mutant/http/connection/*",
    "mutant/chat/termination/*",
    "mutant/sse/events/ended#*",
)
SHAPES = ("envelope", "choice", "delta", "identity", "role", "order")

GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Legal", "the same answer in other line ends, pieces, chunks, heads", ("legal/*",)),
    ("Cut or silent", "the connection or the stream ends before the answer does", BROKEN_OFF),
    (
        "Errors",
        "a status, an error in the stream, or a page in its place",
        ("transport/*", "mutant/chat/errors/*", "mutant/http/*", "mutant/chat/refus*/*", "mutant/chat/strictness/*"),
    ),
    ("Broken SSE", "fields, lines and encodings that are not SSE", ("mutant/sse/*",)),
    ("Broken JSON", "messages that are not JSON, or no chunk", ("mutant/chat/json/*",)),
    (
        "Chunks of another shape",
        "members that are missing, null, or of another type",
        tuple(f"mutant/chat/{name}/*" for name in SHAPES),
    ),
    (
        "Tool calls",
        "ids, names, indexes and arguments in another way",
        ("mutant/chat/tool*/*", "mutant/chat/structured/*"),
    ),
    ("Usage", "counts that are twice, wrong, or elsewhere", ("mutant/chat/usage/*", "mutant/chat/continuous/*")),
    ("The rest", "text, logprobs, reasoning, limits, pace", ("*",)),
)
"""What each is called, what it is about, and the cases: the first that a case fits is its own."""


def group_of(case: str) -> str:
    """The name of the first group that a case fits."""
    return next(name for name, _, patterns in GROUPS if any(fnmatchcase(case, pattern) for pattern in patterns))
