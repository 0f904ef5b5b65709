"""A file is written whole or not at all; what was there before is not lost."""

import stat
from pathlib import Path

import pytest

from conformance.commands.writing import put, replace


def test_a_file_is_made_with_its_folders_and_nothing_beside_it(tmp_path):
    assert "" == put(tmp_path / "a" / "b.json", lambda: "text")
    assert ["b.json"] == [each.name for each in (tmp_path / "a").iterdir()]
    assert "text" == (tmp_path / "a" / "b.json").read_text()


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path, monkeypatch):
    file = tmp_path / "known.yaml"
    file.write_text("mine")

    def full(scratch, text, *_):
        with scratch.open("w") as sink:
            sink.write(text[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(file), "write_text", full)
    assert f"cannot write {file}: No space left on device" == put(file, lambda: "another")
    assert (["known.yaml"], "mine") == ([each.name for each in (tmp_path).iterdir()], file.read_text())


def test_a_link_stays_one_and_a_file_keeps_its_mode(tmp_path):
    (tmp_path / "there").write_text("old")
    (tmp_path / "there").chmod(0o640)
    (tmp_path / "link").symlink_to("there")
    replace(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert ("new", 0o640) == ((tmp_path / "there").read_text(), stat.S_IMODE((tmp_path / "there").stat().st_mode))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_is_written_to_and_not_replaced(tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")
    assert "No space left" in put(tmp_path / "full", lambda: "text")
    assert (tmp_path / "full").is_symlink()


def test_a_file_in_the_place_of_a_folder_is_told_of(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert f"cannot write {tmp_path / 'file' / 'r.json'}: Not a directory" == put(tmp_path / "file" / "r.json", str)
