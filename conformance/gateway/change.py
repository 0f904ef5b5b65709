"""What a gateway did to an answer or a request: the record, and all sorts that are told apart. Compares nothing."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What was done."""

    INVENTED = "invented"
    LOST = "lost"
    REWRITTEN = "rewritten"
    ADDED = "added"
    DELAYED = "delayed"
    REQUEST = "request"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of change. `red`: a client, or who pays for it, is misled; otherwise it is only told."""

    name: str
    kind: Kind
    red: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change in one situation."""

    sort: Sort
    situation: str
    upstream: str
    """What the upstream sent, or got."""
    client: str
    """What the client got, or sent."""


_SORTS = (
    # -- invented
    ("finish-invented", Kind.INVENTED, True, "A finish_reason that the upstream never sent ends the answer."),
    ("done-invented", Kind.INVENTED, True, "[DONE] is sent for an answer that the upstream did not finish."),
    ("cut-hidden", Kind.INVENTED, True, "The upstream's connection broke, and the answer ends in good order."),
    ("error-invented", Kind.INVENTED, True, "An error is told where the upstream made none."),
    ("text-invented", Kind.INVENTED, True, "Text that the upstream never sent."),
    ("usage-invented", Kind.INVENTED, False, "Usage that the upstream never sent."),
    ("role-invented", Kind.INVENTED, False, "A role that the upstream never sent."),
    ("done-repaired", Kind.INVENTED, False, "[DONE] is added behind an answer that is whole but for it."),
    # -- lost
    ("text-lost", Kind.LOST, True, "Text is missing."),
    ("thoughts-lost", Kind.LOST, True, "Reasoning is missing or changed."),
    ("call-lost", Kind.LOST, True, "Tool calls are missing or changed."),
    ("choice-lost", Kind.LOST, True, "A whole choice is missing."),
    ("finish-lost", Kind.LOST, True, "A finish_reason is missing."),
    ("role-lost", Kind.LOST, True, "The role of a choice is missing."),
    ("done-lost", Kind.LOST, True, "[DONE] is missing."),
    ("usage-lost", Kind.LOST, True, "Usage that the client asked for is missing."),
    ("error-lost", Kind.LOST, True, "The upstream's error does not reach the client."),
    ("error-became-cut", Kind.LOST, True, "The upstream's error is lost: the connection breaks instead."),
    ("line-lost", Kind.LOST, True, "A line that cannot be read is left out, and the answer ends as if it were whole."),
    ("members-lost", Kind.LOST, True, "Members that every chunk has to have are missing."),
    ("stream-broken", Kind.LOST, True, "A good stream breaks off."),
    ("tail-lost", Kind.LOST, False, "The last events before a break are missing; the client sees the break."),
    ("retry-after-lost", Kind.LOST, False, "The client is not told when to come back."),
    ("unasked-usage-lost", Kind.LOST, False, "Usage that the client did not ask for is left out."),
    ("running-usage-lost", Kind.LOST, False, "Only the last usage arrives, not the running one."),
    ("done-dropped", Kind.LOST, False, "No [DONE] follows an error."),
    ("chunk-dropped", Kind.LOST, False, "A chunk without choices is left out."),
    ("comments-lost", Kind.LOST, False, "Comments are left out, and with them heart-beats."),
    ("fields-lost", Kind.LOST, False, "SSE fields besides `data` are left out."),
    ("keys-lost", Kind.LOST, False, "Members of chunks are left out."),
    ("headers-lost", Kind.LOST, False, "Headers of the upstream are left out."),
    # -- rewritten
    ("text-changed", Kind.REWRITTEN, True, "The text is another."),
    ("finish-changed", Kind.REWRITTEN, True, "The finish_reason is another."),
    ("usage-changed", Kind.REWRITTEN, True, "The usage is another."),
    ("usage-with-choices", Kind.REWRITTEN, True, "The usage chunk has choices; clients know it by having none."),
    ("unreadable", Kind.REWRITTEN, True, "A message cannot be read as JSON."),
    ("framing", Kind.REWRITTEN, True, "The response breaks HTTP's framing."),
    ("id-varies", Kind.REWRITTEN, True, "The id changes within one stream."),
    ("not-a-stream", Kind.REWRITTEN, True, "The stream is not delivered as one."),
    ("cut-told", Kind.REWRITTEN, False, "A break of the upstream's connection is told as an error."),
    ("line-told", Kind.REWRITTEN, False, "A line that cannot be read is told as an error, or by breaking off."),
    ("finish-once", Kind.REWRITTEN, False, "A finish_reason that came twice arrives once."),
    ("roles-fewer", Kind.REWRITTEN, False, "A role that came again and again arrives less often."),
    ("usage-moved", Kind.REWRITTEN, False, "Usage arrives on another chunk."),
    ("chunks-merged", Kind.REWRITTEN, False, "Chunks are put together, or taken apart."),
    ("values-changed", Kind.REWRITTEN, False, "Members of chunks have other values."),
    ("content-type", Kind.REWRITTEN, False, "The content-type is another."),
    ("headers-changed", Kind.REWRITTEN, False, "Headers of the upstream have other values."),
    ("lines-changed", Kind.REWRITTEN, False, "SSE is written another way."),
    # -- added
    ("usage-unasked", Kind.ADDED, True, "A usage chunk without choices reaches a client that asked for none."),
    ("keys-added", Kind.ADDED, False, "Members of chunks are added."),
    ("comments-added", Kind.ADDED, False, "Comments are added."),
    ("headers-added", Kind.ADDED, False, "Headers are added."),
    ("address-told", Kind.ADDED, False, "A header tells the client the address of the upstream."),
    # -- delayed
    ("held-back", Kind.DELAYED, True, "The whole stream is held back until the upstream has ended."),
    ("in-bursts", Kind.DELAYED, True, "Events that the upstream sent apart arrive together."),
    ("late", Kind.DELAYED, True, "Events arrive late."),
    ("head-held", Kind.DELAYED, False, "The response head is held back until the first event."),
    ("no-end", Kind.DELAYED, True, "The answer does not end in time."),
    ("burst-slow", Kind.DELAYED, False, "A burst of events is passed on slowly."),
    # -- the request
    ("request-changed", Kind.REQUEST, True, "The upstream is asked for something else than the client asked for."),
    ("request-lost", Kind.REQUEST, True, "Members of the request do not reach the upstream."),
    (
        "request-unknown-lost",
        Kind.REQUEST,
        False,
        "Members that OpenAI does not know, or that change no answer, do not reach the upstream.",
    ),
    ("request-added", Kind.REQUEST, False, "Members are added to the request."),
    ("usage-asked", Kind.REQUEST, False, "The upstream is asked for usage though the client did not ask."),
    ("model-changed", Kind.REQUEST, False, "The upstream is asked for another model than the client named."),
    ("request-repeated", Kind.REQUEST, False, "The upstream gets the request more than once."),
    # -- status and error object
    ("not-forwarded", Kind.STATUS, True, "The request never reached the upstream."),
    ("status-changed", Kind.STATUS, True, "The status is another."),
    ("error-object-lost", Kind.STATUS, True, "The body is no error object."),
    ("error-code-changed", Kind.STATUS, True, "The error's code is another; clients branch on it."),
    ("error-in-stream", Kind.STATUS, True, "The status says success, and the error comes as an event."),
    ("error-changed", Kind.STATUS, False, "Members of the error object are others."),
    ("page-changed", Kind.STATUS, False, "A page that is no error object arrives as something else."),
    ("own-refusal", Kind.STATUS, False, "The gateway refuses by itself, without the upstream."),
    ("bad-own-refusal", Kind.STATUS, True, "The gateway refuses by itself, and not as OpenAI does."),
    ("not-refused", Kind.STATUS, False, "What OpenAI refuses is answered."),
)
SORTS: dict[str, Sort] = {name: Sort(name, kind, red, says) for name, kind, red, says in _SORTS}
