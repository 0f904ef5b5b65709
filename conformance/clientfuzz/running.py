"""A whole campaign: the cases of the catalogue, then examples, and what was kept of both. Knows no terminal.

Whatever came so far is there when it is interrupted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, TypeVar

from conformance.launching import ended_like_ctrl_c
from mockserver.hosting import Hosted, hosted

from . import campaign, keeping
from .campaign import Field
from .case import Case
from .outcome import Abilities, Verdict
from .playing import Limits, Result
from .processes import Command

Given = TypeVar("Given")
Told = Callable[[Result], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done."""

    command: Command
    """Without words where the client asks by itself."""
    cases: tuple[Case, ...]
    examples: int
    seed: int
    limits: Limits
    jobs: int
    save: Path

    @property
    def folder(self) -> Path:
        """Where what is kept of this client goes: other clients have folders of their own."""
        words = self.command.words
        name = keeping.file_name("-".join(PurePath(word).name for word in words[:4]))[:60] or "listened"
        return self.save / f"{name}-{sha256(repr(words).encode()).hexdigest()[:6]}"


@dataclass(slots=True)
class Examples:
    """What became of the examples."""

    wanted: int
    played: int = 0
    replayed: int = 0
    campaign: str = ""
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[Result] = field(default_factory=list)
    """The smallest of each outcome."""
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    """For each outcome that failed, how many examples of which kind did."""

    def count(self, result: Result) -> None:
        """One more."""
        name = result.outcome.value
        self.outcomes[name] = self.outcomes.get(name, 0) + 1

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "wanted": self.wanted,
            "played": self.played,
            "replayed": self.replayed,
            "campaign": self.campaign,
            "outcomes": self.outcomes,
            "failures": [result.case.id for result in self.failures],
            "failed": self.kinds,
        }


@dataclass(slots=True)
class Made:
    """What a campaign came to."""

    plan: Plan
    results: dict[str, Result] = field(default_factory=dict)
    examples: Examples | None = None
    said: dict[str, Any] = field(default_factory=dict)
    can: Abilities = field(default_factory=Abilities)
    """What the client was seen to report of plain streams; the rest is judged nowhere."""
    interrupted: bool = False
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    """The files of a case: its recording, its scenario."""
    trouble: str = ""
    """Why something could not be kept; "" where it was."""

    @property
    def all(self) -> list[Result]:
        """The results of the cases, in their order, and the examples that failed."""
        done = [self.results[case.id] for case in self.plan.cases if case.id in self.results]
        return [*done, *(self.examples.failures if self.examples is not None else ())]

    @property
    def failed(self) -> bool:
        """Whether any did."""
        return any(result.verdict is Verdict.FAIL for result in self.all)


def run(plan: Plan, told: Told) -> Made:
    """Do it. Raises NotAClientError, OSError where the client cannot be started or nothing can be kept there."""
    made = Made(plan)
    plan.folder.mkdir(parents=True, exist_ok=True)
    with ended_like_ctrl_c(), hosted(campaign.field(plan.command, plan.limits, plan.jobs)) as host:
        try:
            call(host, host.server.check())
            _play_cases(host, made, told)
            if plan.examples:
                _search(host, made, told)
        except KeyboardInterrupt:
            made.interrupted = True
        made.said, made.can = dict(host.server.said), host.server.can
    keep(made)
    return made


def keep(made: Made) -> None:
    """Keep what did not pass."""
    try:
        for result in made.all:
            if result.verdict is not Verdict.PASS:
                made.kept[result.case.id] = keeping.keep(result, made.plan.folder)
    except OSError as problem:
        made.trouble = f"cannot keep what did not pass in {made.plan.folder}: {problem.strerror}"


def _play_cases(host: Hosted[Field], made: Made, told: Told) -> None:
    def came(result: Result) -> None:
        made.results[result.case.id] = result
        told(result)

    call(host, host.server.play_all(made.plan.cases, came))


def _search(host: Hosted[Field], made: Made, told: Told) -> None:
    from .searching import Search

    examples = made.examples = Examples(made.plan.examples)

    def came(result: Result) -> None:
        examples.count(result)
        told(result)

    search = Search(lambda case: call(host, host.server.play(case)), made.plan.examples, came)
    try:
        search.run(made.plan.seed, made.plan.folder / "examples")
    finally:
        examples.played, examples.replayed = search.played, search.replayed
        examples.campaign = search.campaign
        for (outcome, kind), count in search.found.items():
            examples.kinds.setdefault(outcome.value, {})[kind] = count
        examples.failures = [_named(outcome.value, result) for outcome, result in search.smallest.items()]


def _named(outcome: str, result: Result) -> Result:
    """The failure under a name of its own."""
    kind = result.case.id.removeprefix("example/")
    return replace(result, case=replace(result.case, id=f"example/{outcome}/{kind}"))


def call(host: Hosted[Any], asked: Coroutine[Any, Any, Given]) -> Given:
    """What a coroutine gives that runs in the thread of the server; where we are interrupted it is, too."""
    future = asyncio.run_coroutine_threadsafe(asked, host.loop)
    try:
        return future.result()
    finally:
        future.cancel()
