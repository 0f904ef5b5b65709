"""The suite as pytest items: `pytest --pyargs conformance --target NAME` gives one item per target and rule.

Gives every test the fixture `streamspec_mock` too, a mock server of its own.

Loaded into every pytest session of an environment that has streamspec, so it imports nothing heavy until a target is
asked for. Under pytest-xdist one worker sends the probes and the others read its report.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.profiles import Choice
    from conformance.targets import Target
    from mockserver.replaying import Replay
    from mockserver.testing import Mock

ITEM = "conformance_verdict"
MOCK = "streamspec_mock"
VERDICTS = pytest.StashKey[dict[str, dict[str, Any]]]()
SHARED = pytest.StashKey[Path]()
"""The folder through which the workers of an xdist run share their verdicts."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line, as pytest options."""
    group = parser.getgroup("streamspec", "conformance of streaming LLM endpoints")
    group.addoption("--target", action="append", default=[], help="a target of targets.yaml; may be given again")
    group.addoption("--target-url", help="judge this endpoint: the URL up to /v1")
    group.addoption("--target-model", help="the model to ask for, with --target-url")
    group.addoption("--target-dialect", help="tolerate this vendor's documented deviations")
    says = "quick: no trials of cancellation and the like; or a profile like chat-core-2026.1, or a YAML file of one"
    group.addoption("--target-profile", default="full", help=says)
    group.addoption("--target-known-failures", metavar="FILE", help="YAML: what fails, and must fail")
    group.addoption("--target-file", default="targets.yaml", help="where --target is looked up (targets.yaml)")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by xdist, for each worker it starts: remember what the workers leave behind."""
    node.config.stash[SHARED] = _shared(node.workerinput)


def pytest_configure(config: pytest.Config) -> None:
    """The marker by which a test says what its mock server is like."""
    config.addinivalue_line(
        "markers", f"{MOCK}(seed=, gap=, fault=, scenario=, replay=, ...): what the mock server of this test is like"
    )


@pytest.fixture
def streamspec_mock(request: pytest.FixtureRequest) -> "Iterator[Mock]":
    """A mock server for this test: `base_url`, `fault(...)`, `scenario(...)`, `journal`, `asked(...)`, `left()`."""
    from mockserver.testing import mocked

    options: dict[str, Any] = {}
    for marker in reversed([*request.node.iter_markers(MOCK)]):  # the nearest one has the last word
        options |= marker.kwargs
    if "replay" in options:
        options["replay"] = _replay(options["replay"], options.pop("speed", 1.0), options.pop("ignore", ()))
    with mocked(**options) as mock:
        yield mock


def _replay(path: str | Path, speed: float, ignore: Sequence[str]) -> "Replay":
    """What answers from the recordings of a file or a folder, all of which have to be readable."""
    from conformance.loading import load
    from mockserver.replaying import Replay

    loaded = list(load(Path(path)))
    unread = [f"{each.path}: {each.error}" for each in loaded if each.exchange is None]
    if unread:
        pytest.fail("\n".join(unread), pytrace=False)
    return Replay([each.exchange for each in loaded if each.exchange is not None], speed, ignore)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take away what the workers left behind."""
    if SHARED in config.stash:
        shutil.rmtree(config.stash[SHARED], ignore_errors=True)


def _shared(worker: dict[str, Any]) -> Path:
    return Path(tempfile.gettempdir()) / f"streamspec-{worker['testrunuid']}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item per target and rule, for the one test that asks for a verdict."""
    if ITEM not in metafunc.fixturenames:
        return
    from conformance.rules import ALL

    choice = _choice(metafunc.config)
    rules = choice.rules if choice else ALL
    items = [(target, rule.id) for target in _targets(metafunc.config) for rule in rules]
    metafunc.parametrize(ITEM, items, indirect=True, ids=[f"{target.name}-{rule_id}" for target, rule_id in items])


@pytest.fixture
def conformance_verdict(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The verdict of one rule on one target, as in the JSON report, with its text under "text"."""
    target, rule_id = request.param
    verdicts = request.config.stash.setdefault(VERDICTS, {})
    if target.name not in verdicts:
        verdicts[target.name] = _judge_once(target, request.config)
    if problem := verdicts[target.name].get("problem"):
        if hasattr(request.config, "workerinput"):  # to leave would look like a crash of the worker
            pytest.fail(f"streamspec: {problem}", pytrace=False)
        pytest.exit(f"streamspec: {problem}", returncode=2)
    verdict: dict[str, Any] = verdicts[target.name]["rules"][rule_id]
    return verdict


def _choice(config: pytest.Config) -> "Choice | None":
    """What the profile makes of the rules; None where all of them count."""
    from conformance import profiles
    from conformance.mistakes import ConfigurationError

    if (name := config.getoption("--target-profile")) in ("full", "quick"):
        return None
    try:
        return profiles.choose(profiles.find(name))
    except ConfigurationError as problem:
        raise pytest.UsageError(str(problem)) from problem


def _targets(config: pytest.Config) -> "list[Target]":
    from conformance import targets
    from conformance.running import BUILT_IN_TARGET

    names, url = config.getoption("--target"), config.getoption("--target-url")
    try:
        if url:
            if names:
                raise pytest.UsageError("give either --target or --target-url, not both")
            if not config.getoption("--target-model"):
                raise pytest.UsageError("--target-url needs --target-model: a model that the endpoint serves")
            chosen = [targets.given(url, config.getoption("--target-model"))]
        else:
            known = {targets.BUILT_IN: BUILT_IN_TARGET}
            if any(name != targets.BUILT_IN for name in names):
                known |= targets.load(Path(config.getoption("--target-file")))
            unknown = [name for name in names if name not in known]
            if unknown:
                raise pytest.UsageError(f"no target {unknown[0]!r}; there are {', '.join(known)}")
            chosen = [known[name] for name in names or [targets.BUILT_IN]]
        dialect = config.getoption("--target-dialect")
        return [targets.changed(target, dialect=dialect) if dialect else target for target in chosen]
    except targets.ConfigurationError as problem:
        raise pytest.UsageError(str(problem)) from problem


def _judge_once(target: "Target", config: pytest.Config) -> dict[str, Any]:
    """Judge a target, once for all workers of an xdist run."""
    worker = getattr(config, "workerinput", None)
    quick, choice = config.getoption("--target-profile") == "quick", _choice(config)
    known = config.getoption("--target-known-failures")
    if worker is None:
        return _judge(target, quick, choice, known)
    from filelock import FileLock

    shared = _shared(worker)
    shared.mkdir(mode=0o700, exist_ok=True)
    file = shared / f"{target.name}.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            file.write_text(json.dumps(_judge(target, quick, choice, known)), "utf-8")
        verdicts: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return verdicts


def _judge(target: "Target", quick: bool, choice: "Choice | None", known: str | None) -> dict[str, Any]:
    from conformance import known_file
    from conformance.launching import LaunchError
    from conformance.probes.connection import Unreachable
    from conformance.report import junit, machine
    from conformance.running import Order, run_target
    from conformance.targets import ConfigurationError, changed

    order = Order(quick=quick)
    if choice:
        target = changed(target, features=target.features | choice.profile.demands)
        order = Order(rules=choice.rules, candidates=choice.unscored, measure=choice.measure)
    try:
        key = os.environ.get(target.key_env) or None
        order = replace(order, known=known_file.read(Path(known)) if known else ())
        report = asyncio.run(run_target(target, key=key, order=order))
    except (Unreachable, LaunchError, ConfigurationError, LookupError) as problem:
        return {"problem": str(problem)}
    if report.problem or report.unmatched:
        return {"problem": "\n".join(filter(None, (report.problem, *report.unmatched)))}
    texts = {verdict.rule.id: junit.describe(verdict) for verdict in report.verdicts}
    rules = machine.of_run([report])["targets"][0]["rules"]
    return {"rules": {rule["rule"]: {**rule, "text": texts[rule["rule"]]} for rule in rules}}
