"""Recordings to verdicts: what `streamspec check` does. Prints nothing and sends nothing."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from conformance.judge import judge
from conformance.loading import Loaded, LoadError, load
from conformance.protocols.chat.dialects import OPENAI, Dialect
from conformance.protocols.exchange import Request
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.verdicts import Checked, Verdict, worst


def check(
    paths: Iterable[Path],
    *,
    request: Request | None = None,
    dialect: Dialect = OPENAI,
    rules: Sequence[Rule] = ALL,
) -> Iterator[Checked]:
    """Judge every recording under the paths, one at a time. What cannot be read is UNTESTABLE, with the reason."""
    for path in paths:
        try:
            for loaded in load(path, request=request):
                yield _check(loaded, dialect, rules)
        except LoadError as problem:
            yield Checked(str(path), Verdict.UNTESTABLE, dialect.name, (), str(problem).removeprefix(f"{path}: "))


def _check(loaded: Loaded, dialect: Dialect, rules: Sequence[Rule]) -> Checked:
    if loaded.exchange is None:
        return Checked(loaded.path, Verdict.UNTESTABLE, dialect.name, (), loaded.error)
    verdicts = judge([loaded.exchange], rules=rules, dialect=dialect)
    verdict = worst(v.verdict for v in verdicts)
    kept = tuple(v for v in verdicts if v.findings or v.verdict is Verdict.SUITE_ERROR)
    reason = f"{loaded.left_out} other exchanges of the file are no chat completions" if loaded.left_out else ""
    if not loaded.exchange.protocol:
        reason = f"{loaded.exchange.request.path or 'this path'} is not a chat completion: HTTP rules only"
        verdict = verdict if verdict is not Verdict.PASS else Verdict.NOT_APPLICABLE
    return Checked(loaded.path, verdict, dialect.name, kept, reason)
