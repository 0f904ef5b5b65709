"""What the wire alone shows of a client that reports nothing: whether it left, asked again, or hung. Knows no list.

Nothing passes by that: a client that took half an answer for whole does the same on the wire as one that noticed.
"""

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Send

from .case import Case
from .expectation import Expectation, Word
from .outcome import Judgement, Outcome, Verdict
from .serving import Visit
from .signs import signs_of

UNSEEN = "it reported nothing, and the wire does not show what it made of that"


def unreported(case: Case, visit: Visit, expectation: Expectation) -> Judgement:
    """What is known of a visit that nothing was reported of. FAIL where the wire proves it, else WARN."""
    if visit.hung:
        says = f"still connected {visit.patience:g} s after its request"
        return Judgement(Outcome.HANG, Verdict.FAIL, says)
    again = f"asked {len(visit.requests)} times; " if len(visit.requests) > 1 else ""
    if visit.left and expectation.word is Word.ACCEPT and not _was_told_all(case, visit):
        says = f"{again}left after {visit.sent} bytes of a stream that it has to take, before that had ended"
        return Judgement(Outcome.UNREPORTED, Verdict.FAIL, says)
    if visit.left:
        did = f"left after {visit.sent} bytes"
    else:
        did = "stayed until all was sent" if visit.ended else "was still connected when this was ended"
    return Judgement(Outcome.UNREPORTED, Verdict.WARN, f"{again}{did}: {UNSEEN}")


def _was_told_all(case: Case, visit: Visit) -> bool:
    """Whether a finish_reason or [DONE] may have reached it, so that it had no more to wait for."""
    if visit.played is None:
        return False
    acts: list[Act] = []
    total = 0
    for act in encoder.one_by_one(visit.played):
        acts.append(act)
        if isinstance(act, Send):
            if total + len(act.data) > visit.sent:  # this one was on its way
                break
            total += len(act.data)
    signs = signs_of(case.request, Answer(200, (), tuple(acts), Framing.RAW))
    return signs.done or bool(signs.said.finishes) or bool(signs.loosely.finishes)
