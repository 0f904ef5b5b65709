"""`streamspec gateway`: what it prints, writes and exits with."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from click.testing import CliRunner, Result

import schemas
from conformance.cli import main
from mockserver.app import running
from mockserver.hosting import hosted

KEY = "sk-never-seen-again"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["gateway", *arguments], env=env)


@contextmanager
def relay(upstream: int, old: bytes = b"", new: bytes = b"") -> Iterator[str]:
    """A gateway that hands on bytes, and writes some of them otherwise."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.replace(old, new) if old else data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", upstream)
        try:
            await asyncio.gather(pipe(reader, back_writer), pipe(back_reader, writer), return_exceptions=True)
        finally:
            writer.close()
            back_writer.close()

    @asynccontextmanager
    async def served() -> AsyncIterator[int]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    with hosted(served()) as host:
        yield f"http://127.0.0.1:{host.server}/v1"


def test_a_gateway_that_changes_nothing_exits_with_0_and_writes_a_report(tmp_path):
    port = free_port()
    with relay(port) as url:
        result = run(
            *("--url", url, "--model", "m", "--listen", f"127.0.0.1:{port}", "--only", "good", "--only", "rate-limit"),
            *("--json", str(tmp_path / "r.json"), "--record", str(tmp_path / "rec")),
            env={"OPENAI_API_KEY": KEY},
        )
    assert 0 == result.exit_code, result.output
    assert "2 situations: 0 red, 0 noted, 2 the same" in result.output
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("gateway").iter_errors(report)]
    assert ["good", "rate-limit"] == [each["situation"] for each in report["situations"]]
    assert report["leaving"] == {"class": None, "by": {}, "measured": []}
    files = {path.name for path in (tmp_path / "rec").iterdir()}
    assert {"good.jsonl", "good.upstream.jsonl", "rate-limit.jsonl", "rate-limit.upstream.jsonl"} == files
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert [] == [text for text in [*written, result.output] if KEY in text]
    checked = CliRunner().invoke(main, ["check", str(tmp_path / "rec" / "good.upstream.jsonl")])
    assert "1 recording: 1 PASS" in checked.output


def test_a_gateway_that_changes_the_finish_is_red_and_named():
    port = free_port()
    with relay(port, b'"finish_reason":"stop"', b'"finish_reason":"quit"') as url:
        result = run("--url", url, "--model", "m", "--listen", f"127.0.0.1:{port}", "--only", "good")
    assert 1 == result.exit_code, result.output
    assert "RED    rewritten finish-changed  The finish_reason is another." in result.output
    assert "upstream  ['stop']" in result.output
    assert 'client    ["quit"]' in result.output


def test_the_report_is_safe_to_print(tmp_path):
    port = free_port()
    with relay(port, b" tokens", b"\x1b[2Jxxx") as url:
        result = run(
            *("--url", url, "--model", "m", "--listen", f"127.0.0.1:{port}", "--only", "good", "-v"),
            *("--json", "-"),
        )
    assert 1 == result.exit_code, result.output
    assert "\x1b" not in result.output


def test_a_gateway_that_forwards_nothing_exits_with_2_and_says_what_to_do():
    with running() as url:
        result = run("--url", url, "--model", "mock", "--listen", "127.0.0.1:0")
    assert 2 == result.exit_code
    assert "no request comes through" in result.output
    assert "proxy_pass http://127.0.0.1:" in result.output


def test_a_gateway_that_is_not_there_exits_with_2():
    result = run("--url", f"http://127.0.0.1:{free_port()}/v1", "--model", "m", "--listen", "127.0.0.1:0")
    assert 2 == result.exit_code
    assert "refuses connections" in result.output


def test_an_address_that_is_taken_or_none_exits_with_2():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        taken = run("--url", "http://127.0.0.1:1/v1", "--model", "m", "--listen", f"127.0.0.1:{sock.getsockname()[1]}")
    assert 2 == taken.exit_code
    assert "cannot listen on 127.0.0.1:" in taken.output
    none = run("--url", "http://127.0.0.1:1/v1", "--model", "m", "--listen", "8900")
    assert 2 == none.exit_code
    assert "write it like 127.0.0.1:8900" in none.output


def test_a_glob_without_a_situation_exits_with_2():
    result = run("--url", "http://127.0.0.1:1/v1", "--model", "m", "--listen", "127.0.0.1:0", "--only", "nope")
    assert 2 == result.exit_code
    assert "no situation matches 'nope'" in result.output


def test_a_header_without_a_colon_exits_with_2():
    result = run("--url", "http://127.0.0.1:1/v1", "--model", "m", "--listen", "127.0.0.1:0", "--header", "x")
    assert 2 == result.exit_code
    assert "has no ':'" in result.output
