"""Keys: private ones stay private, and no file is ever overwritten."""

import stat

import pytest
from click.testing import CliRunner

from conformance.certificate.keys import (
    KeyFileError,
    PassphraseNeededError,
    make,
    public_key,
    public_pem,
    read_private,
    read_public,
)
from conformance.cli import main

PASSPHRASE = "correct horse"


def test_a_new_pair_is_read_again(tmp_path):
    made = make(tmp_path / "key", "")
    assert made.public_key.keyid == read_private(tmp_path / "key").public_key.keyid
    assert made.public_key.keyid == read_public(tmp_path / "key.pub").keyid
    assert made.public_key.keyid == public_key(public_pem(made)).keyid


def test_only_its_owner_may_read_the_private_key(tmp_path):
    make(tmp_path / "key", "")
    assert 0o600 == stat.S_IMODE((tmp_path / "key").stat().st_mode)
    assert (tmp_path / "key").read_text().startswith("-----BEGIN PRIVATE KEY-----")


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_neither_file_is_overwritten(tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(KeyFileError, match="is there already, and is left as it is"):
        make(tmp_path / "key", "")
    assert [there] == [file.name for file in tmp_path.iterdir()]
    assert "mine" == (tmp_path / there).read_text()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="is there already"):
        make(tmp_path / "key", "")
    assert not (tmp_path / "elsewhere").exists()


def test_an_encrypted_key_wants_its_passphrase(tmp_path):
    make(tmp_path / "key", PASSPHRASE)
    assert "ENCRYPTED" in (tmp_path / "key").read_text()
    with pytest.raises(PassphraseNeededError, match="its passphrase is needed"):
        read_private(tmp_path / "key")
    with pytest.raises(KeyFileError, match="the passphrase is wrong"):
        read_private(tmp_path / "key", "wrong")
    assert read_public(tmp_path / "key.pub").keyid == read_private(tmp_path / "key", PASSPHRASE).public_key.keyid


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused_in_words(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyFileError, match="it is no private key in PEM"):
        read_private(tmp_path / "key")
    with pytest.raises(KeyFileError, match="it is no public key in PEM"):
        read_public(tmp_path / "key")


def keys(*arguments: str, **more):
    return CliRunner().invoke(main, ["keys", *arguments], **more)


def test_the_command_asks_for_a_passphrase_twice(tmp_path):
    result = keys("new", "--out", str(tmp_path / "key"), input=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert 0 == result.exit_code, result.output
    assert PASSPHRASE not in result.output
    assert read_private(tmp_path / "key", PASSPHRASE)


def test_the_command_takes_a_passphrase_from_the_environment(tmp_path):
    assert 0 == keys("new", "--out", str(tmp_path / "a"), "--passphrase-env", "SECRET", env={"SECRET": "s3"}).exit_code
    assert read_private(tmp_path / "a", "s3")
    result = keys("new", "--out", str(tmp_path / "b"), "--passphrase-env", "SECRET", env={"SECRET": ""})
    assert 2 == result.exit_code
    assert "the environment variable SECRET is empty or not there" in result.stderr.replace("\n", " ")


def test_nobody_who_can_be_asked_is_an_error_with_a_way_out(tmp_path):
    result = keys("new", "--out", str(tmp_path / "key"), input="")
    assert 2 == result.exit_code
    assert "--passphrase-env NAME" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_key_without_passphrase_is_told_of(tmp_path):
    result = keys("new", "--out", str(tmp_path / "key"), "--no-passphrase")
    assert 0 == result.exit_code
    assert "not encrypted" in result.stderr
    shown = keys("show", str(tmp_path / "key.pub"))
    assert shown.stdout.strip() in result.stdout
