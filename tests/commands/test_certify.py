"""`streamspec certify` and `streamspec verify`: what they print, write and exit with."""

import json
import re
import socket
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

import schemas
from conformance.certificate import archive, storing
from conformance.certificate.parts import CERTIFICATE, PAGE, REPORT, STATEMENT
from conformance.cli import main
from mockserver.app import running

DONE = "chat/termination/done-sent"
SECRET = "sk-never-seen-again"


def certify(*arguments: object, env: dict[str, str] | None = None):
    return CliRunner().invoke(main, ["certify", *map(str, arguments)], env=env)


def verify(*arguments: object):
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def short(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def profile(tmp_path) -> Path:
    file = tmp_path / "few.yaml"
    file.write_text(
        "profile: few\nsays: a few rules\nrules:\n  http/status/streams: 1\n"
        f"  {DONE}: 1\n  chat/usage/sent-when-asked: 1\n"
    )
    return file


@pytest.fixture
def key(tmp_path) -> Path:
    made = CliRunner().invoke(main, ["keys", "new", "--out", str(tmp_path / "our.key"), "--no-passphrase"])
    assert 0 == made.exit_code
    return tmp_path / "our.key"


@contextmanager
def closed():
    """A URL at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/v1"


@cache
def core() -> dict[str, bytes]:
    """A bundle of the built-in mock server by a profile of the suite."""
    with TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle.zip"
        result = certify("--profile", "chat-core-2026.1", "--out", bundle)
        assert 0 == result.exit_code, result.output
        return dict(storing.read(bundle).files)


def test_the_built_in_mock_is_certified_and_the_bundle_holds(tmp_path):
    (tmp_path / "bundle.zip").write_bytes(archive.packed(core()))
    result = verify(tmp_path / "bundle.zip", "--json", tmp_path / "found.json")
    assert 0 == result.exit_code, result.output
    assert "certified by chat-core-2026.1" in result.stdout
    assert "the recordings were judged again" in result.stdout
    assert "not signed" in result.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert [] == [error.message for error in schemas.explain("verification").iter_errors(found)]
    assert ([], [], False) == (found["troubles"], found["remarks"], found["own_profile"])


def test_trials_of_the_built_in_mock_are_of_the_same_target_as_its_probes(tmp_path):
    (tmp_path / "pace.yaml").write_text("profile: pace\nsays: a trial\nrules:\n  chat/timing/one-by-one: 1\n")
    result = certify("--profile", tmp_path / "pace.yaml", "--out", tmp_path / "b.zip")
    assert 0 == result.exit_code, result.output
    assert "trial follows" in result.stderr
    assert 0 == verify(tmp_path / "b.zip").exit_code


def test_a_signed_bundle_in_a_folder_is_verified_by_its_key(tmp_path, profile, key):
    bundle = tmp_path / "bundle"
    made = certify("--profile", profile, "--out", bundle, "--sign", key, "--note", "version=1.2")
    assert 0 == made.exit_code, made.output
    assert f"streamspec verify {bundle} --key {key}.pub" in short(made.stdout)
    result = verify(bundle, "--key", f"{key}.pub")
    assert 0 == result.exit_code, result.output
    assert "signed by the key that was given" in result.stdout
    assert {"version": "1.2"} == json.loads((bundle / CERTIFICATE).read_text())["facts"]["notes"]
    (bundle / PAGE).write_text((bundle / PAGE).read_text().replace("certified", "certifled", 1))
    broken = verify(bundle, "--key", f"{key}.pub")
    assert 1 == broken.exit_code
    assert "DOES NOT HOLD page, certificate.html: changed" in short(broken.stdout)


def test_a_faulty_server_is_not_certified_and_the_bundle_says_why(tmp_path, profile):
    with running(fault=DONE) as url:
        result = certify("--url", url, "--model", "mock", "--profile", profile, "--out", tmp_path / "b.zip")
    assert 1 == result.exit_code, result.output
    assert "not certified" in result.stdout
    assert DONE in result.stdout
    found = verify(tmp_path / "b.zip")
    assert 1 == found.exit_code
    assert "holds" in found.stdout


def test_known_failures_come_from_the_target(tmp_path, profile):
    with running(fault=DONE) as url:
        (tmp_path / "targets.yaml").write_text(
            f"targets:\n  mine:\n    url: {url}\n    model: mock\n    known_failures:\n"
            f"      - rule: {DONE}\n        reason: fixed in the next release\n"
        )
        more = ("--targets", tmp_path / "targets.yaml", "--profile", profile)
        result = certify("mine", *more, "--out", tmp_path / "b.zip")
    assert 0 == result.exit_code, result.output
    assert "certified with known failures" in result.stdout
    found = verify(tmp_path / "b.zip")
    assert 0 == found.exit_code
    assert f"{DONE}: known failure: fixed in the next release" in found.stdout


def test_no_credential_is_in_a_bundle(tmp_path, profile):
    with running() as url:
        more = ("--model", "mock", "--profile", profile, "--out", tmp_path / "bundle")
        result = certify("--url", f"{url}?api_key={SECRET}", *more, env={"OPENAI_API_KEY": SECRET})
    assert 0 == result.exit_code, result.output
    assert SECRET not in result.output
    for file in (tmp_path / "bundle").rglob("*"):
        assert file.is_dir() or SECRET.encode() not in file.read_bytes(), file.name


def test_a_target_that_cannot_be_reached_leaves_no_bundle(tmp_path, profile):
    result = certify("--url", "http://127.0.0.1:9/v1", "--model", "m", "--profile", profile, "--out", tmp_path / "b")
    assert 2 == result.exit_code
    assert [profile.name] == [file.name for file in tmp_path.iterdir()]


def test_where_the_bundle_cannot_be_written_nothing_that_was_recorded_is_lost(tmp_path, profile, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(storing, "write", full)
    with running() as url:
        target = ("--url", url, "--model", "mock", "--profile", profile)
        result = certify(*target, "--out", tmp_path / "b.zip")
    assert 2 == result.exit_code
    assert f"cannot write {tmp_path / 'b.zip'}: No space left on device" in short(result.stderr)
    kept = re.search(r"--recordings (\S+) --date DAY", short(result.stderr))[1]
    monkeypatch.undo()
    again = certify(*target, "--out", tmp_path / "b.zip", "--recordings", kept, "--date", "2026-11-20")
    assert 0 == again.exit_code, again.output


def test_a_place_where_nothing_can_be_written_is_told_before_anything_is_sent(profile):
    with closed() as url:
        result = certify("--url", url, "--model", "m", "--profile", profile, "--out", "/dev/null/b.zip")
    assert (2, True) == (result.exit_code, "cannot write /dev/null/b.zip" in short(result.stderr)), result.output


def test_what_was_judged_cannot_write_lines_of_its_own(tmp_path, profile):
    more = ("--profile", profile, "--name", "good\nb.zip holds\x1b[2J", "--note", "version=1\nholds")
    made = certify(*more, "--out", tmp_path / "b.zip")
    for result in (made, verify(tmp_path / "b.zip")):
        assert "good\\nb.zip holds\\x1b[2J" in result.stdout
        assert "\x1b" not in result.stdout


@pytest.mark.parametrize("name", ["b.zip", "b"])
def test_what_is_there_is_not_overwritten(tmp_path, profile, name):
    (tmp_path / name).write_text("mine")
    result = certify("--profile", profile, "--out", tmp_path / name)
    assert 2 == result.exit_code
    assert "is there already, and is left as it is" in short(result.stderr)
    assert "mine" == (tmp_path / name).read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profile", "quick"], "is no list of rules, and a certificate is about one"),
        (["--profile", "chat-cor-2026.1"], "no profile 'chat-cor-2026.1'"),
        (["--profile", "chat-core-2026.1", "--passphrase-env", "X"], "--passphrase-env goes with --sign"),
        (["--profile", "chat-core-2026.1", "--sign", "nowhere.key"], "cannot read nowhere.key"),
        (["--profile", "chat-core-2026.1", "vllm", "sglang"], "a certificate is about one target"),
    ],
)
def test_mistakes_are_told_before_anything_is_sent(tmp_path, arguments, says):
    result = certify(*arguments, "--out", tmp_path / "b.zip")
    assert 2 == result.exit_code, result.output
    assert says in short(result.stderr)
    assert not (tmp_path / "b.zip").exists()


def test_an_encrypted_key_signs_with_its_passphrase(tmp_path, profile):
    key, env = tmp_path / "key", {"PASSPHRASE": "correct horse"}
    more = ["--out", str(key), "--passphrase-env", "PASSPHRASE"]
    assert 0 == CliRunner().invoke(main, ["keys", "new", *more], env=env).exit_code
    options = ("--profile", profile, "--out", tmp_path / "b.zip", "--sign", key)
    assert 2 == certify(*options, "--passphrase-env", "PASSPHRASE", env={"PASSPHRASE": "wrong"}).exit_code
    made = certify(*options, "--passphrase-env", "PASSPHRASE", env=env)
    assert 0 == made.exit_code, made.output
    assert 0 == verify(tmp_path / "b.zip", "--key", f"{key}.pub").exit_code


def test_another_key_is_not_the_one_that_was_expected(tmp_path, profile, key):
    assert 0 == certify("--profile", profile, "--out", tmp_path / "b.zip", "--sign", key).exit_code
    CliRunner().invoke(main, ["keys", "new", "--out", str(tmp_path / "other"), "--no-passphrase"])
    result = verify(tmp_path / "b.zip", "--key", tmp_path / "other.pub")
    assert 1 == result.exit_code
    assert "signed by another key than the one that was given" in result.stdout


@pytest.mark.parametrize("name", ["nothing", "empty", "text.txt", "text.zip"])
def test_what_is_no_bundle_is_not_verified(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no bundle")
    (tmp_path / "text.zip").write_text("no archive")
    result = verify(tmp_path / name)
    assert 0 != result.exit_code
    assert (1 if name == "text.zip" else 2) == result.exit_code, result.output


def test_light_says_that_the_recordings_were_not_judged(tmp_path):
    (tmp_path / "bundle.zip").write_bytes(archive.packed(core()))
    result = verify(tmp_path / "bundle.zip", "--light")
    assert 0 == result.exit_code
    assert "the recordings were not judged again, as it was wished" in result.stdout


def test_a_bundle_says_what_was_judged(tmp_path):
    files = core()
    assert {CERTIFICATE, PAGE, REPORT, STATEMENT, "profile.yaml"} <= set(files)
    facts = json.loads(files[CERTIFICATE])["facts"]
    assert ("mock", "mock", "chat-core-2026.1") == (facts["target"], facts["model"], facts["profile"])
    assert Path("conformance/profiles/chat-core-2026.1.yaml").read_bytes() == files["profile.yaml"]


def test_recordings_of_an_earlier_run_are_certified_like_the_run(tmp_path, profile):
    with running(fault=DONE) as url:
        target = ("--url", url, "--model", "mock", "--profile", profile)
        CliRunner().invoke(main, ["run", *map(str, target), "--record", str(tmp_path / "kept")])
    options = (*target, "--recordings", tmp_path / "kept", "--name", "my server")
    undated = certify(*options, "--out", tmp_path / "b.zip")
    assert 2 == undated.exit_code
    assert "write --date 2026-12-31" in short(undated.stderr)
    assert "is no day" in short(certify(*options, "--out", tmp_path / "b.zip", "--date", "yesterday").stderr)
    result = certify(*options, "--out", tmp_path / "b.zip", "--date", "2026-11-19")
    assert 1 == result.exit_code, result.output
    assert "my server: not certified, few" in result.stdout
    found = verify(tmp_path / "b.zip")
    assert "2026-11-19" in found.stdout
    assert "holds" in found.stdout
    assert 2 == certify(*target, "--out", tmp_path / "c.zip", "--date", "2026-11-19").exit_code
