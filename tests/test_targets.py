"""targets.yaml: what is read, and what each mistake is answered with."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import targets
from conformance.targets import ConfigurationError, Launch, Long, Target, Watched, load, parse

ROOT = Path(__file__).parent.parent
GOOD = """\
targets:
  mine:
    url: https://example.org/v1
    model: m
    dialect: azure
    features: [usage]
    workers: 2
    timeout: 5
    known_failures:
      - rule: chat/termination/done-*
        reason: next release
        link: https://example.org/1
"""


def test_a_target_is_read():
    target = parse(GOOD)["mine"]
    assert (
        Target(
            name="mine",
            url="https://example.org/v1",
            model="m",
            dialect="azure",
            features=frozenset({"usage"}),
            workers=2,
            timeout=5,
            known_failures=target.known_failures,
        )
        == target
    )
    (known,) = target.known_failures
    assert ("targets.yaml:10", "mine", "next release (https://example.org/1)") == (
        known.place,
        known.target,
        known.said,
    )


def test_the_project_s_own_targets_are_in_order():
    assert {"openai", "vllm", "llamacpp"} <= set(load(ROOT / "targets.yaml"))


LAUNCHED = "targets:\n  a:\n    url: http://x:1/v1\n    model: m\n    launch:\n"
BASE = "targets:\n  a:\n    url: http://x/v1\n    model: m\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ["is empty", "targets:"]),
        ("targets: [", ["t.yaml:1", "not YAML"]),
        ("targets: 3", ["t.yaml:1", "wanted a mapping", "write:"]),
        ("targets: {}", ["targets", "non-empty"]),
        ("target: {}", ["unknown key 'target'", "write:  targets"]),
        (BASE + "    modle: x\n", ["t.yaml:5", "unknown key 'modle'", "write:  model: my-model"]),
        (BASE + "    url: http://y/v1\n", ["t.yaml:5", "'url' is written twice"]),
        ("targets:\n  a:\n    url: http://x/v1\n", ["has no 'model'", "model: my-model"]),
        (BASE + "    workers: many\n", ["t.yaml:5", "is text, wanted a whole number", "workers: 4"]),
        (BASE + "    workers: true\n", ["t.yaml:5", "true or false, wanted a whole number"]),
        (BASE + "    timeout: -1\n", ["t.yaml:5", "timeout: 60"]),
        (BASE + "    dialect: opnai\n", ["t.yaml:5", "no dialect 'opnai'", "dialect: openai"]),
        (BASE + "    dialect: klingon\n", ["no dialect 'klingon'", "there are: openai"]),
        (BASE + "    features: [usge]\n", ["t.yaml:5", "a feature 'usge'", "usage"]),
        (BASE + "    features: usage\n", ["t.yaml:5", "wanted a list", "features: [usage, stop]"]),
        (BASE + "    key: sk-123\n", ["unknown key 'key'", "key_env"]),
        (
            BASE + "    known_failures:\n      - {rule: x, reason: y, until: 2026-02-30x}\n",
            ["t.yaml:6", "'2026-02-30x' is not a day, like 2026-12-31", "until: '2026-12-31'"],
        ),
        (
            BASE + "    known_flaky:\n      - {rule: x, reason: y, until: '2026-02-30'}\n",
            ["t.yaml:6", "until 2026-02-30: day is out of range for month"],
        ),
        (BASE + "    known_failures:\n      - rule: chat/termination/done-sent\n", ["has no 'reason'"]),
        (BASE.replace("http:", "ftp:"), ["t.yaml:3", "is not http:// or https://", "url: http://127.0.0.1:8000/v1"]),
        ("targets:\n  a b: {url: 'http://x/v1', model: m}\n", ["the name 'a b' is not made of letters"]),
        (BASE + "    key_env: 1A\n", ["t.yaml:5", "'1A' is not the name of an environment variable"]),
        ("targets:\n  a: null\n", ["targets.a is empty"]),
        ("targets:\n  1: {url: http://x/v1, model: m}\n", ["the key '1' is not text"]),
        ("targets:\n  mock: {url: http://x/v1, model: m}\n", ["'mock' is taken"]),
        ("targets:\n  a: {url: 'ftp://x', model: m}\n", ["url: http://127.0.0.1:8000/v1"]),
        ("targets: &t\n  a: *t\n", ["aliases"]),
        (LAUNCHED + "      comand: x\n", ["t.yaml:6", "unknown key 'comand'", "write:  command: my-server"]),
        (LAUNCHED + "      ready: /health\n", ["t.yaml:5", "has no 'command'"]),
        (LAUNCHED + "      command: 3\n", ["t.yaml:6", "wanted text or a list", "command: my-server"]),
        (LAUNCHED + "      command: []\n", ["t.yaml:6", "command"]),
        (LAUNCHED + "      command: ' '\n", ["t.yaml:6", "the command is empty", "my-server --port {port}"]),
        (LAUNCHED + "      command: serve 'it\n", ["t.yaml:6", "no closing quotation", "as a list"]),
        (LAUNCHED + "      command: serve {prot}\n", ["t.yaml:6", "{prot}", "{host}, {port} and {model}"]),
        (LAUNCHED + "      command: serve\n      ready: health\n", ["t.yaml:7", "ready: /health"]),
        (LAUNCHED + "      command: serve\n      env: {A: 1}\n", ["t.yaml:7", "a number, wanted text"]),
        (LAUNCHED.replace("x:1", "x") + "      command: serve\n", ["t.yaml:3", "at this machine, with a port"]),
        (LAUNCHED.replace("x:1", "127.0.0.1:99999") + "      command: s\n", ["t.yaml:3", "with a port"]),
        (BASE + "    slots: two\n", ["t.yaml:5", "wanted a whole number", "slots: 2"]),
        (BASE + "    slots: 0\n", ["t.yaml:5", "slots: 2"]),
        (BASE + "    slot: 2\n", ["t.yaml:5", "unknown key 'slot'", "write:  slots: 2"]),
        (BASE + "    long: a story\n", ["t.yaml:5", "wanted a mapping", "long: {prompt:"]),
        (BASE + "    long: {}\n", ["t.yaml:5", "long: {prompt:"]),
        (BASE + "    long: {tokens: 3}\n", ["t.yaml:5", "unknown key 'tokens'", "prompt, body"]),
        (BASE + "    long:\n      body: {stream: false}\n", ["t.yaml:6", "model, messages and stream are put in"]),
        (BASE + "    observer: prometeus\n", ["t.yaml:5", "is not journal, prometheus, slots", "observer: prometheus"]),
        (BASE + "    observer:\n", ["t.yaml:5", "is empty, wanted text or a mapping", "observer: prometheus"]),
        (BASE + "    observer: {}\n", ["t.yaml:5", "observer: prometheus"]),
        (BASE + "    observer: {cpu: {}}\n", ["t.yaml:5", "unknown key 'cpu'", "journal, slots, prometheus"]),
        (BASE + "    observer: {slots: 2}\n", ["t.yaml:5", "wanted a mapping", "slots: {url:"]),
        (BASE + "    observer: {slots: {url: http://x/s}, journal: {url: http://x/j}}\n", ["t.yaml:5"]),
        (
            BASE + "    observer:\n      prometheus:\n        running: sum(x)\n",
            ["t.yaml:7", "the name of a metric", "running: 'my_requests_running{model="],
        ),
        (BASE + "    observer: {prometheus: {produced: x}}\n", ["t.yaml:5", "'running'"]),
        (BASE + "    observer: {prometheus: {url: x}}\n", ["t.yaml:5", "http:// or https://"]),
    ],
)
def test_a_mistake_is_answered_with_the_line_to_write(text, says):
    with pytest.raises(ConfigurationError) as problem:
        parse(text, "t.yaml")
    for part in says:
        assert part in str(problem.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("cpu", Watched(name="cpu")),
        ("none", Watched(name="none")),
        ("{slots: {url: 'http://y/slots'}}", Watched(name="slots", url="http://y/slots")),
        (
            "{prometheus: {url: 'http://y:9/m', running: 'a{b=\"c\"} + d', produced: e}}",
            Watched(name="prometheus", url="http://y:9/m", running='a{b="c"} + d', produced="e"),
        ),
    ],
)
def test_how_a_target_is_watched_is_read(written, read):
    assert read == parse(BASE + f"    observer: {written}\n")["a"].observer


def test_slots_and_the_long_answer_are_read():
    target = parse(BASE + "    slots: 2\n    long: {prompt: Go on, body: {ignore_eos: true}}\n")["a"]
    assert (2, Long(prompt="Go on", body={"ignore_eos": True})) == (target.slots, target.long)


def test_a_target_that_says_nothing_of_it_is_watched_by_whoever_sees():
    target = parse(BASE)["a"]
    assert (0, Long(), Watched()) == (target.slots, target.long, target.observer)


def test_every_mistake_is_told_at_once():
    with pytest.raises(ConfigurationError) as problem:
        parse(BASE + "    modle: x\n    workers: many\n", "t.yaml")
    assert ["t.yaml:5", "t.yaml:6"] == [line.partition(": ")[0] for line in str(problem.value).splitlines()]


@pytest.mark.parametrize("command", ["serve '{model} x' -p {port}", '["serve", "{model} x", "-p", "{port}"]'])
def test_a_launch_command_is_split_like_a_shell_would(command):
    launch = parse(LAUNCHED.replace("x:1", "localhost:1") + f"      command: {command}\n      env: {{A: b}}\n")[
        "a"
    ].launch
    assert Launch(command=("serve", "{model} x", "-p", "{port}"), env={"A": "b"}) == launch


def test_an_endpoint_given_by_its_url_is_not_launched():
    assert targets.given("http://127.0.0.1:8000/v1", "m").launch is None


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path / "targets.yaml")


def test_a_file_that_is_no_text_is_a_configuration_error(tmp_path):
    (tmp_path / "targets.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path / "targets.yaml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["targets", "a", "url", "model", "features", "known_failures", "rule"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
def patterns_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(patterns_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns_of, schema.values()))


def test_every_pattern_of_the_schema_is_said_in_words():
    assert set(targets.PATTERNS) == patterns_of(targets.schemas.load("targets"))


@pytest.mark.parametrize(
    ("url", "features", "says"),
    [
        ("localhost:8000/v1", targets.ASSUMED, "the url 'localhost:8000/v1' is not http:// or https://"),
        ("http://x/v1", frozenset({"usge"}), "no rule asks for a feature 'usge'; write:  usage"),
    ],
)
def test_an_endpoint_given_by_its_url_is_told_of_in_the_words_of_the_command_line(url, features, says):
    with pytest.raises(ConfigurationError) as caught:
        targets.given(url, "m", features)
    assert str(caught.value).startswith(says)


@given(VALUES.map(lambda value: targets.yaml.safe_dump(value)) | st.text(max_size=60))
def test_no_text_raises_anything_but_a_configuration_error(text):
    with contextlib.suppress(ConfigurationError):
        assert all(isinstance(target, Target) for target in parse(text).values())
