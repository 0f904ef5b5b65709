"""What a reader asks first of clients, and the cases that answer. Knows no client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """A thing that a client may do; it does where one of the cases ended so."""

    does: str
    cases: tuple[str, ...]
    verdict: str
    says: str = ""
    """A part of what was wrong, where the cases may fail in several ways."""

    def done_by(self, cases: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a client that came to this does it."""
        return any(
            case["verdict"] == self.verdict
            and self.says in case["says"]
            and any(fnmatchcase(case["case"], glob) for glob in self.cases)
            for case in cases
        )


IN_ORDER = ("transport/cut*/ended/*", "transport/cut*/unframed/*")
QUESTIONS = (
    Question("**makes up** the finish_reason of an answer that was cut", IN_ORDER, "FAIL", "made up"),
    Question(
        "tells of such a cut only by a finish_reason that is missing", IN_ORDER, "WARN", "finish_reason is missing"
    ),
    Question("cannot tell of it at all", IN_ORDER, "WARN", "reports no finish_reason"),
    Question(
        "takes a **connection that broke** for the end of the answer",
        tuple(f"transport/cut*/{way}/*" for way in ("closed*", "reset*", "inside-a-chunk", "length-too-long")),
        "FAIL",
    ),
    Question(
        "waits **for ever** for a server that has gone silent", ("transport/silence/*",), "FAIL", "no report within"
    ),
    Question("takes an **error object** in the stream for nothing", ("transport/error/object/*",), "FAIL"),
    Question(
        "takes an error object with **status 200**, in place of a stream, for an empty answer",
        ("transport/status/200-error",),
        "FAIL",
    ),
    Question(
        "fails at a **block without data**: `retry:`, `event:`, or a comment after an `id:`",
        ("legal/blocks/*", "legal/fields/id/*"),
        "FAIL",
    ),
    Question("loses the first text behind a **byte order mark**", ("legal/encoding/mark-before-text/*",), "FAIL"),
    Question("fails at other **line ends** than LF", ("legal/line-ends/*",), "FAIL"),
    Question("breaks lines at **U+2028** and the like", ("legal/text/separators/*",), "FAIL"),
    Question("reads UTF-8 as what the **charset** says", ("legal/head/latin/*",), "FAIL"),
    Question("hands over **text after [DONE]**", ("transport/after-done/text",), "FAIL"),
    Question(
        "loses text in chunks of **another shape**, and ends well",
        ("mutant/chat/choice/delta-object#*", "mutant/chat/envelope/choices-array#*"),
        "FAIL",
    ),
    Question(
        "puts legal **tool calls** together wrongly, or fails at them", ("legal/tools/*", "legal/plain/tools/*"), "FAIL"
    ),
    Question(
        "glues **names of tools** that are sent again",
        ("mutant/chat/tool-fragments/name-once#name-on-every-fragment",),
        "FAIL",
    ),
    Question("merges two calls of **one index**", ("mutant/chat/tool-calls/own-index#*",), "FAIL"),
    Question("adds up **usage** that is cumulative", ("legal/chunks/usage-so-far/*",), "WARN", "the usage is"),
)
"""In the order in which they are asked."""
