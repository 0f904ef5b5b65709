"""What a client made of an answer: its report against what was meant and what stands in the bytes.

Knows no case by name. `can` is what the client was seen to report of a plain stream: what it cannot know is not asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from conformance.protocols.finding import show

from .content import Content, all_among, is_part, same_calls, same_text, same_usage, without_ids
from .contract import GAP, Call, Report
from .expectation import Expectation, Seen, Word

FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""What OpenAI sends. Anything else some clients translate."""
CUT_BY_SERVER = ("length", "content_filter")
"""Answers that are not all that could have been said: a client may make an error of that, as OpenAI's helper does."""


class Outcome(Enum):
    """What became of it."""

    ACCEPTED = "accepted"
    ERROR = "error-surfaced"
    SILENT = "silent-truncation"
    WRONG = "wrong-content"
    HANG = "hang"
    CRASH = "crash"
    UNREPORTED = "unreported"


class Verdict(Enum):
    """What that is worth."""

    PASS = "PASS"  # noqa: S105 - the word of every report
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One client and one answer."""

    outcome: Outcome
    verdict: Verdict
    says: str
    """What was wanted and what came, in a sentence; "" where all is well."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a client reports of plain streams."""

    text: bool = True
    finish_reason: bool = True
    tool_calls: bool = True
    usage: bool = True

    @property
    def lacking(self) -> list[str]:
        """The members of a report that are not judged."""
        return [one.name for one in fields(self) if not getattr(self, one.name)]


def judged(report: Report, seen: Seen, expectation: Expectation, can: Abilities) -> Judgement:
    """The outcome of a client that reported in time, and its verdict."""
    if report.error is not None:
        if expectation.word is Word.ACCEPT:
            cut_by_server = (
                seen.meant.finishes and seen.meant.finishes[0] in CUT_BY_SERVER and _has_all(report, seen, can)
            )
            verdict, says = (
                (Verdict.WARN, "handed over the text, and then made the finish_reason an error")
                if cut_by_server
                else (Verdict.FAIL, "refused what it has to take")
            )
            return Judgement(Outcome.ERROR, verdict, f"{says}: {report.error}")
        return Judgement(Outcome.ERROR, Verdict.PASS, "")
    for judge in (_misread, _taken_for_whole, _unfinished, _miscounted):
        if (found := judge(report, seen, expectation, can)) is not None:
            return found
    if expectation.word is Word.REJECT:
        return Judgement(Outcome.ACCEPTED, Verdict.WARN, f"went on without an error: {expectation.because}")
    return Judgement(Outcome.ACCEPTED, Verdict.PASS, "")


def _misread(report: Report, seen: Seen, _: Expectation, can: Abilities) -> Judgement | None:
    """Text or calls that were neither meant nor stand there."""
    signs = seen.signs
    readings = [seen.meant] if signs.lost and not seen.whole else [seen.meant, signs.said, signs.loosely]
    partial = signs.broken_off or signs.silent or signs.lost
    if can.text and report.text is not GAP:
        texts = [*signs.odd_texts, *(text for one in readings for text in (one.text, one.all_text))]
        known = [text for text in texts if text is not None]
        if not isinstance(report.text, str):
            return Judgement(Outcome.WRONG, Verdict.FAIL, f"the text is no text: {show(report.text)}")
        mixed = any(_is_mixture(report.text, one) for one in readings)
        if not mixed and not any(same_text(report.text, text) for text in known):
            return _differs("text", report.text, known, seen.meant.text or "", partial=partial)
    if can.tool_calls and isinstance(report.tool_calls, tuple):
        ways = [way for one in readings for way in one.calls]
        if any(_may_be(way, report.tool_calls, seen) for way in ways):
            return None
        if not seen.legal and any(same_calls(without_ids(way), without_ids(report.tool_calls)) for way in ways):
            says = f"the calls are right, and their ids are not: {_shown(report.tool_calls)}"
            return Judgement(Outcome.WRONG, Verdict.WARN, says)
        return _calls_differ(report.tool_calls, seen, ways)
    return None


def _is_mixture(text: str, meant: Content) -> bool:
    """All of the first choice, and more of the others: a client that asked for one need not tell them apart."""
    if meant.text is None or meant.all_text is None or meant.text == meant.all_text:
        return False
    return is_part(meant.text, text) and is_part(text, meant.all_text)


def _may_be(ours: tuple[Call, ...], theirs: tuple[Call, ...], seen: Seen) -> bool:
    """Whether a client may have these calls.

    Where the stream is not legal it may have made up their ids, where the server sends one twice, and it may hand over
    what stands for calls and is none.
    """
    if same_calls(ours, theirs):
        return True
    if seen.legal:
        return False
    if len({call.id for call in ours}) < len(ours):
        ours, theirs = without_ids(ours), without_ids(theirs)
    return all_among(ours, theirs) and all_among(theirs, (*ours, *seen.signs.stray))


def _differs(what: str, got: str, known: list[str], meant: str, *, partial: bool) -> Judgement:
    says = f"handed over the {what} {show(got)}, meant was {show(meant)}"
    lost = any(is_part(got, text) for text in [*known, meant]) or (partial and meant.startswith(got))
    return Judgement(Outcome.SILENT if lost else Outcome.WRONG, Verdict.FAIL, says)


def _calls_differ(got: tuple[Call, ...], seen: Seen, ways: list[tuple[Call, ...]]) -> Judgement | None:
    """Calls that are not all there are silence about what is lost; any other are wrong."""
    meant = seen.meant.calls[0] if seen.meant.calls else ()
    says = f"handed over the calls {_shown(got)}, meant were {_shown(meant)}"
    fewer = len(got) < max(map(len, [*ways, meant])) and all(
        any(same_calls((call,), (own,)) for way in [*ways, meant] for call in way) for own in got
    )
    return Judgement(Outcome.SILENT if fewer else Outcome.WRONG, Verdict.FAIL, says)


def _shown(calls: Iterable[Call]) -> str:
    return show([{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls])


def _taken_for_whole(report: Report, seen: Seen, expectation: Expectation, can: Abilities) -> Judgement | None:
    """Half an answer that ends without an error."""
    signs = seen.signs
    if signs.status < 300 and not signs.error and _has_all(report, seen, can):
        return None
    if expectation.word is Word.ACCEPT:
        return Judgement(Outcome.SILENT, Verdict.FAIL, "part of the answer is missing, and no error tells of it")
    finish = report.finish_reason
    if signs.status >= 300 or signs.error or _is_plain(seen):
        return Judgement(Outcome.SILENT, Verdict.FAIL, f"ended as if all were well: {expectation.because}")
    if signs.said.finishes or signs.loosely.finishes:
        return None  # the server itself said that this is all
    if not can.finish_reason or finish is GAP:
        says = "what it has is not whole, and it cannot say so: it reports no finish_reason"
        return Judgement(Outcome.ACCEPTED, Verdict.WARN, says)
    if finish in (None, ""):
        return Judgement(Outcome.SILENT, Verdict.WARN, "ended without an error; only the finish_reason is missing")
    return Judgement(
        Outcome.SILENT, Verdict.FAIL, f"made up the finish_reason {show(finish)} of an answer that was cut"
    )


def _is_plain(seen: Seen) -> bool:
    """What cut the answer cannot be mistaken."""
    signs = seen.signs
    whole_enough = signs.done or bool(signs.said.finishes)
    if signs.document:
        return False
    return ((signs.broken_off or signs.silent) and not whole_enough) or (signs.lost and not seen.whole)


def _has_all(report: Report, seen: Seen, can: Abilities) -> bool:
    """Whether what it reports is all that was meant, so far as it reports it."""
    meant = seen.meant
    if not can.text or report.text is GAP:
        return seen.whole
    text = meant.text is None or not isinstance(report.text, str) or not is_part(report.text, meant.text)
    if not can.tool_calls or not isinstance(report.tool_calls, tuple) or not meant.has_calls:
        return text and (seen.whole or not meant.has_calls)
    return text and any(len(report.tool_calls) >= len(way) for way in meant.calls)


def _unfinished(report: Report, seen: Seen, expectation: Expectation, can: Abilities) -> Judgement | None:
    """A finish_reason that is another, or none, or made up."""
    finish = report.finish_reason
    if not can.finish_reason or finish is GAP:
        return None
    said = {_spelled(reason) for one in (seen.signs.said, seen.signs.loosely, seen.meant) for reason in one.finishes}
    came = [*seen.signs.said.finishes, *seen.signs.loosely.finishes]
    if seen.signs.flaw or seen.signs.lost:
        came += seen.meant.finishes  # a client may read what a standard does not
    legal = expectation.word is Word.ACCEPT
    if finish in (None, ""):
        if legal and said:
            return Judgement(Outcome.WRONG, Verdict.FAIL, "lost the finish_reason")
        return None
    if not came:
        return Judgement(Outcome.WRONG, Verdict.WARN, f"made up the finish_reason {show(finish)}: none came")
    foreign = any(reason not in FINISHES for reason in came)
    if _spelled(finish) not in said and not foreign:
        verdict = Verdict.FAIL if legal else Verdict.WARN
        return Judgement(Outcome.WRONG, verdict, f"the finish_reason is {show(finish)}, sent was {show(came[0])}")
    return None


def _spelled(reason: Any) -> str:
    """Some clients write tool-calls."""
    return str(reason).replace("-", "_").lower()


def _miscounted(report: Report, seen: Seen, expectation: Expectation, can: Abilities) -> Judgement | None:
    """Usage that nobody sent, or that is lost."""
    usage, legal = report.usage, expectation.word is Word.ACCEPT
    if not can.usage or usage is GAP:
        return None
    verdict = Verdict.FAIL if legal and expectation.authority != "clients" else Verdict.WARN
    if not isinstance(usage, dict):
        lost = legal and seen.signs.said.usages
        return Judgement(Outcome.WRONG, verdict, "lost the usage") if lost else None
    readings: tuple[Content, ...] = (seen.meant, seen.signs.said, seen.signs.loosely)
    came = [counts for one in readings for counts in one.usages]
    if not came or any(same_usage(counts, usage) for counts in came):
        return None
    return Judgement(Outcome.WRONG, verdict, f"the usage is {show(usage)}, sent was {show(came[-1])}")
