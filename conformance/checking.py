"""Recordings to verdicts: what `streamspec check` does. Prints nothing and sends nothing."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from conformance.judge import judge, unused_tolerances
from conformance.loading import Loaded, LoadError, load
from conformance.protocols.chat import dialects
from conformance.protocols.exchange import Ending, Request
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.verdicts import Checked, Verdict, worst


def check(
    paths: Iterable[Path],
    *,
    request: Request | None = None,
    dialect: str = "openai",
    rules: Sequence[Rule] = ALL,
    candidates: frozenset[str] = frozenset(),
) -> Iterator[Checked]:
    """Judge every recording under the paths, one at a time. What cannot be read is UNTESTABLE, with the reason.

    The dialect "auto" is guessed anew for each recording. Raises LookupError for one that does not exist. `candidates`
    are ids of rules that are judged and do not count.
    """
    dialects.check_name(dialect)
    for path in paths:
        try:
            for loaded in load(path, request=request):
                yield _check(loaded, dialect, rules, candidates)
        except LoadError as problem:
            yield Checked(str(path), Verdict.UNTESTABLE, dialect, (), str(problem).removeprefix(f"{path}: "))


def _check(loaded: Loaded, dialect: str, rules: Sequence[Rule], candidates: frozenset[str]) -> Checked:
    if loaded.exchange is None:
        return Checked(loaded.path, Verdict.UNTESTABLE, dialect, (), loaded.error)
    guess = dialects.choose(dialect, [loaded.exchange])
    verdicts = judge([loaded.exchange], rules=rules, dialect=guess.dialect, candidates=candidates)
    verdict = worst(v.verdict for v in verdicts if not v.candidate)
    kept = tuple(v for v in verdicts if v.findings or v.verdict is Verdict.SUITE_ERROR)
    reasons = []
    if loaded.left_out:
        reasons.append(f"{loaded.left_out} other exchanges of the file are no completions")
    if loaded.exchange.ending is Ending.CUT:
        reasons.append("cut off: what comes after that is not judged, nor what is missing")
    if not loaded.exchange.protocol:
        reasons.append(
            f"{loaded.exchange.request.path or 'this path'} is no completion, of chat or of text: HTTP rules only"
        )
        verdict = verdict if verdict is not Verdict.PASS else Verdict.NOT_APPLICABLE
    unused = unused_tolerances(guess.dialect, verdicts)
    return Checked(loaded.path, verdict, guess.dialect.name, kept, "; ".join(reasons), guess.why, unused)
