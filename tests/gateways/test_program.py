"""Starting and ending gateways, whatever they are."""

import socket
import sys
from pathlib import Path

import pytest

from tests.gateways import ALL
from tests.gateways.program import DidNotStart, NotInstalled, Program, find, started, started_or_skipped, version

ANSWERS = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
UPSTREAM = "http://127.0.0.1:1"


def program(code, executable=sys.executable, seconds=20.0):
    def command(upstream, port, folder):
        return "-c", code, str(port)

    return Program("made-up", "", executable, command, (sys.executable, "-V"), "make it", seconds=seconds)


def test_names_are_unique():
    assert len(ALL) == len({program.name for program in ALL})


def test_a_program_listens_inside_of_the_block_and_is_gone_after_it():
    with started(program(ANSWERS), UPSTREAM) as running:
        port = int(running.url.removesuffix("/v1").rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_its_folder_is_gone_too():
    with started(program(ANSWERS), UPSTREAM) as running:
        assert running.log.exists()
    assert not running.log.parent.exists()


def test_a_program_that_ends_at_once_is_told_with_its_log():
    with (
        pytest.raises(DidNotStart, match="no such thing"),
        started(program("raise SystemExit('no such thing')"), UPSTREAM),
    ):
        pass


def test_what_is_not_installed_is_told_with_how_to_get_it():
    with pytest.raises(NotInstalled, match="never-heard-of-it is not installed; to get it: make it"):
        find(program("", executable="never-heard-of-it"))


def test_what_is_not_installed_is_skipped(monkeypatch):
    monkeypatch.delenv("STREAMSPEC_GATEWAYS_NEEDED", raising=False)
    missing = program("", executable="never-heard-of-it")
    with pytest.raises(pytest.skip.Exception, match="never-heard-of-it"), started_or_skipped(missing, UPSTREAM):
        pass


def test_what_is_not_installed_and_has_to_be_there_fails(monkeypatch):
    monkeypatch.setenv("STREAMSPEC_GATEWAYS_NEEDED", "1")
    missing = program("", executable="never-heard-of-it")
    with pytest.raises(pytest.fail.Exception, match="never-heard-of-it"), started_or_skipped(missing, UPSTREAM):
        pass


def test_a_version_is_its_number():
    assert "{}.{}.{}".format(*sys.version_info) == version(program(""))


def test_the_docs_say_how_to_install_each():
    script = Path(__file__).parents[2].joinpath("docs", "gateways", "install.sh").read_text("utf-8")
    names = script.partition('ALL="')[2].partition('"')[0].split()
    for program in ALL:
        if "install.sh" in program.install:
            assert program.install.split("FOLDER ")[1].split(",")[0] in names
