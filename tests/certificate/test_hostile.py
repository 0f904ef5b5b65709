"""A bundle may come from anybody: nothing outside of it is read or written, and nothing in it takes too much."""

import base64
import gzip
import json
import os
import stat
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest

from conformance.certificate import archive, evidence, parts, storing
from conformance.certificate.parts import CERTIFICATE, NAMED, NEEDED, REPORT, STATEMENT
from conformance.certificate.storing import BundleError
from conformance.certificate.verifying import verify

from .making import made, named, of_folder, verified

DEEP = b"[" * 200_000
HEADER = {
    "recording": 1,
    "layer": "wire",
    "source": {},
    "request": {"method": "POST", "url": "http://t/v1/c", "body": {}},
}


def zipped(*entries: tuple[str, bytes], compression: int = ZIP_STORED) -> bytes:
    sink = BytesIO()
    with ZipFile(sink, "w", compression) as file:
        for name, content in entries:
            file.writestr(ZipInfo(name), content, compress_type=compression)
    return sink.getvalue()


def everything() -> list[tuple[str, bytes]]:
    return list(made().files.items())


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside", "recordings/../../x.jsonl", "C:\\x", "recordings/"])
def test_names_that_lead_elsewhere_are_told_of_and_not_written(tmp_path, name):
    (tmp_path / "b.zip").write_bytes(zipped(*everything(), (name, b"out")))
    found = verify(storing.read(tmp_path / "b.zip"))
    assert any(part == "unknown file" for part, _ in named(found))
    assert ["b.zip"] == [file.name for file in tmp_path.iterdir()]


def test_what_inflates_is_not_inflated():
    bomb = zipped(*everything(), ("recordings/bomb.jsonl", bytes(100_000_000)), compression=ZIP_DEFLATED)
    assert len(bomb) < 2_000_000
    found = archive.unpacked(bomb)
    assert {} == dict(found.files)
    assert {"archive"} == {trouble.part.value for trouble in found.troubles}
    assert "compressed" in found.troubles[0].says


def test_an_archive_that_another_tool_packed_is_one_line_that_says_what_to_do():
    for compression, extra in ((ZIP_DEFLATED, b""), (ZIP_STORED, b"UT\x05\x00\x01\x00\x00\x00\x00")):
        sink = BytesIO()
        with ZipFile(sink, "w", compression) as file:
            file.writestr("recordings/", b"")
            for name, content in everything():
                entry = ZipInfo(name)
                entry.extra = extra
                file.writestr(entry, content, compress_type=compression)
        (trouble,) = verify(archive.unpacked(sink.getvalue())).troubles
        assert "archive: another tool packed" in trouble.told
        assert "unpack it, and verify the folder" in trouble.told


@pytest.mark.parametrize("data", [b"", archive.packed(made().files)[:9000], b"PK\x03\x04"])
def test_an_archive_that_breaks_off_is_told_of_by_that_alone(data):
    (trouble,) = verify(archive.unpacked(data)).troubles
    assert "archive: it cannot be read as an archive" in trouble.told


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_the_same_name_are_told_of():
    entries = everything()
    found = verify(archive.unpacked(zipped(*entries, entries[-1])))
    assert any("it is there twice" in trouble.says for trouble in found.troubles)


def test_bytes_before_behind_and_between_are_told_of():
    data = archive.packed(made().files)
    for other in (b"#!/bin/sh\n" + data, data + b"more", data[:-2] + b"\x01\x00" + b"x"):
        found = verify(archive.unpacked(other))
        assert ("archive", "") in named(found)


def test_an_archive_with_a_link_in_it_is_not_one_of_ours():
    entries = ZipInfo("key.pub")
    entries.external_attr = (stat.S_IFLNK | 0o777) << 16
    sink = BytesIO()
    with ZipFile(sink, "w") as file:
        for name, content in everything():
            file.writestr(entries if name == "key.pub" else ZipInfo(name), content)
    assert any(part == "archive" for part, _ in named(verify(archive.unpacked(sink.getvalue()))))


@pytest.mark.parametrize("name", [STATEMENT, CERTIFICATE, "recordings/stream.jsonl"])
def test_a_link_in_a_folder_is_not_followed(tmp_path, name):
    storing.write(tmp_path / "bundle", made().files)
    (tmp_path / "secret").write_bytes((tmp_path / "bundle" / name).read_bytes())
    (tmp_path / "bundle" / name).unlink()
    (tmp_path / "bundle" / name).symlink_to(tmp_path / "secret")
    found = verify(storing.read(tmp_path / "bundle"))
    assert any(trouble.file == name and "a link" in trouble.says for trouble in found.troubles)
    assert name not in storing.read(tmp_path / "bundle").files


def test_a_pipe_is_not_waited_for(tmp_path):
    storing.write(tmp_path / "bundle", made().files)
    (tmp_path / "bundle" / REPORT).unlink()
    os.mkfifo(tmp_path / "bundle" / REPORT)
    found = verify(storing.read(tmp_path / "bundle"))
    assert any(trouble.file == REPORT and "no plain file" in trouble.says for trouble in found.troubles)


def test_what_is_in_other_folders_is_not_looked_at(tmp_path):
    storing.write(tmp_path / "bundle", made().files)
    (tmp_path / "bundle" / "more" / "deep").mkdir(parents=True)
    (tmp_path / "bundle" / "more" / "deep" / "x").write_text("x")
    (tmp_path / "bundle" / ".hidden").write_text("x")
    assert {("unknown file", "more"), ("unknown file", ".hidden")} == named(verify(storing.read(tmp_path / "bundle")))


def test_files_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    storing.write(tmp_path / "bundle", made().files)
    monkeypatch.setattr(storing, "MAX_FILE", 4000)
    found = verify(storing.read(tmp_path / "bundle"))
    assert any("larger than 4000 bytes" in trouble.says for trouble in found.troubles)
    storing.write(tmp_path / "b.zip", made().files)
    monkeypatch.setattr(storing, "MAX_BUNDLE", -parts.MAX_FILES * 1024)
    with pytest.raises(BundleError, match="larger than 0 bytes"):
        storing.read(tmp_path / "b.zip")


def test_more_files_than_a_bundle_has_are_not_read(tmp_path, monkeypatch):
    storing.write(tmp_path / "bundle", made().files)
    monkeypatch.setattr(storing, "MAX_FILES", 5)
    with pytest.raises(BundleError, match="more than 5 files"):
        storing.read(tmp_path / "bundle")
    monkeypatch.setattr(archive, "MAX_FILES", 5)
    assert "more than the 5 files" in archive.unpacked(archive.packed(made().files)).troubles[0].says


@pytest.mark.parametrize("name", [*NAMED, "recordings/stream.jsonl"])
@pytest.mark.parametrize("content", [b"", DEEP, b"\xff\xfe", b"null\n", b"{}\n", b'{"a": 1e999}\n', b"&a [*a, *a]\n"])
def test_nonsense_in_the_place_of_a_file_is_trouble_and_no_crash(name, content):
    found = verify(of_folder({**made().files, name: content}))
    assert not found.holds
    assert name in {file for _, file in named(found)}


@pytest.mark.parametrize("name", [*NEEDED, "key.pub", "recordings/stream.jsonl"])
def test_nonsense_is_no_crash_where_nothing_is_signed_either(name):
    files = {**made(signed=False).files, name: DEEP}
    assert name in {file for _, file in named(verify(of_folder(files)))}


def recording(*lines: object, **more: object) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in ({**HEADER, **more}, *lines))


def test_an_answer_that_inflates_beyond_measure_is_not_read(monkeypatch):
    monkeypatch.setattr(evidence, "MAX_WEIGHT", 50_000_000)
    body = gzip.compress(bytes(20_000_000))
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    line = [0.1, "data64", base64.b64encode(head + body).decode()]
    found = evidence.read({"recordings/bomb.jsonl": recording(line, [0.2, "eof"])})
    assert () == found.exchanges
    assert "more than the 47 MiB of memory" in found.troubles[0].says


def test_brackets_that_would_fill_the_memory_are_not_read(monkeypatch):
    monkeypatch.setattr(evidence, "MAX_WEIGHT", 50_000_000)
    text = 'data: {"a": [' + "[],[],[],[]," * 200_000 + "0]}\n\n"
    found = evidence.read({"recordings/wide.jsonl": recording([0.1, "data", text], [0.2, "eof"], layer="wire")})
    assert "of memory" in found.troubles[0].says


def test_recordings_that_all_name_each_other_are_not_followed(monkeypatch):
    names = [f"r{number}.jsonl" for number in range(150)]
    files = {f"recordings/{name}": recording([0.1, "eof"], group=names) for name in names}
    found = evidence.read(files)
    assert "name each other 22500 times" in found.troubles[0].says


@pytest.mark.parametrize("other", ["../../secret.jsonl", "/etc/passwd", "nowhere.jsonl"])
def test_a_recording_cannot_bring_in_a_file_that_is_not_in_the_bundle(other):
    found = evidence.read({"recordings/a.jsonl": recording([0.1, "eof"], beside=other)})
    assert () == found.exchanges
    assert [("recording", "recordings/a.jsonl")] == [(t.part.value, t.file) for t in found.troubles]


def test_a_recording_beside_itself_is_no_endless_loop():
    found = evidence.read({"recordings/a.jsonl": recording([0.1, "eof"], beside="a.jsonl")})
    assert len(found.exchanges) <= 1


@pytest.mark.parametrize("name", parts.SMALLER)
def test_a_file_that_takes_long_to_read_may_not_be_large(name):
    files = {**made().files, name: made().files[name] + b"#" * parts.limit_of(name)}
    (said,) = {trouble.says for trouble in verified(files).troubles if trouble.file == name}
    assert f"it is larger than {parts.limit_of(name)} bytes" in said


def test_a_table_of_contents_that_names_millions_is_not_read(monkeypatch):
    entry = zipped(("a", b""))[31:]
    local, entry, end = zipped(("a", b""))[:31], entry[:47], entry[47:]
    monkeypatch.setattr(archive, "ZipFile", None)
    found = archive.unpacked(local + entry * (parts.MAX_FILES + 1) + end)
    assert "more than the 2000 files" in found.troubles[0].says
