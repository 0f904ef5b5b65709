"""One mistake is one finding: whole recordings, judged by every rule that can make a verdict worse than PASS."""

import gzip
import zlib
from typing import Any

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.finding import Finding
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.rules.rule import Level

LOUD = [rule for rule in ALL if rule.level is not Level.MAY]
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Go"}], "stream": True}
USAGE = {"stream_options": {"include_usage": True}}
HOT = {"temperature": 9}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
GZIP = HEAD[:-2] + b"content-encoding: gzip\r\n\r\n"
JSON = b"content-type: application/json\r\nconnection: close\r\n\r\n"
ID = b'"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m"'
ERROR = b'{"error":{"message":"m","type":"t","param":null,"code":null}}'
DONE = b"data: [DONE]\n\n"


def chunk(choices: bytes, more: bytes = b"") -> bytes:
    return b"data: {" + ID + b',"choices":[' + choices + b"]" + more + b"}\n\n"


def delta(text: bytes, more: bytes = b"") -> bytes:
    return chunk(b'{"index":0,"delta":' + text + b',"logprobs":null,"finish_reason":null}', more)


ROLE = delta(b'{"role":"assistant","content":""}')
TEXT = delta(b'{"content":"Hi"}') + delta(b'{"content":" there"}')
FINISH = chunk(b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}')
SAID = ROLE + TEXT + FINISH
SAID_WITH_NULL = SAID.replace(b"]}\n\n", b'],"usage":null}\n\n')
COUNTS = b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}'


def found(*pieces: bytes, seconds: float = 0.0, **request: Any) -> dict[str, list[Finding]]:
    asked = Request("POST", "http://target/v1/chat/completions", (("accept-encoding", "gzip"),), {**CHAT, **request})
    reader = ExchangeReader(asked)
    for number, piece in enumerate(pieces):
        reader.feed(piece, number * seconds)
    return {
        rule: some for rule, some in findings_of(reader.close(Ending.EOF, len(pieces) * seconds), LOUD).items() if some
    }


def broken(*pieces: bytes, **request: Any) -> list[str]:
    return sorted(found(*pieces, **request))


def usage(value: bytes, head: bytes = SAID_WITH_NULL) -> bytes:
    return HEAD + head + chunk(b"", b',"usage":' + value) + DONE


def test_the_good_stream_is_good() -> None:
    assert [] == broken(HEAD + SAID + DONE) == broken(usage(COUNTS), **USAGE)


@pytest.mark.parametrize("field", [b"event: [DONE]\n\n", b"id: [DONE]\n\n"])
def test_a_terminator_that_is_no_data_is_no_terminator(field: bytes) -> None:
    assert ["chat/termination/done-sent", "sse/events/carry-data"] == broken(HEAD + SAID + field)


def test_a_terminator_in_the_middle_is_told_once_however_much_follows() -> None:
    got = found(HEAD + ROLE + DONE, *[TEXT] * 50, FINISH, seconds=1.0)
    assert ["chat/termination/nothing-after-done"] == list(got)
    assert ["a chunk that leaves a choice open (and in 100 more messages)"] == [
        finding.got for finding in got["chat/termination/nothing-after-done"]
    ]


def test_a_body_that_stays_open_is_told_with_its_seconds() -> None:
    got = found(HEAD + SAID + DONE, b": ping\n\n", b": ping\n\n", seconds=1.0)
    assert {"chat/termination/body-ends-soon": ["3.0 s without it"]} == {
        rule: [finding.got for finding in some] for rule, some in got.items()
    }


@pytest.mark.parametrize("bytes_of", [b"caf\xe9", b"caf\xc3", b"\xed\xa0\xbd"])
def test_bytes_that_are_no_utf_8_are_not_half_characters_too(bytes_of: bytes) -> None:
    assert ["sse/encoding/utf8"] == broken(HEAD + ROLE + delta(b'{"content":"' + bytes_of + b'"}') + FINISH + DONE)


def test_half_characters_elsewhere_are_found_beside_bytes_that_are_no_utf_8() -> None:
    torn = delta('{"content":"\ufffd"}'.encode())
    got = broken(HEAD + ROLE + delta(b'{"content":"\xff"}') + torn + FINISH + DONE)
    assert ["chat/text/no-half-characters", "sse/encoding/utf8"] == got


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (b"{}", "chat/envelope/usage-counts"),
        (b'{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}', "chat/envelope/usage-counts"),
        (b"[3,2,5]", "chat/envelope/usage-counts"),
        (b'{"prompt_tokens":3,"completion_tokens":2.0,"total_tokens":5}', "chat/envelope/usage-counts"),
        (b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":0.5E1}', "chat/envelope/usage-counts"),
        (b"null", "chat/usage/sent-when-asked"),
        (b'{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}', "chat/usage/sent-when-asked"),
    ],
)
def test_usage_that_says_nothing_breaks_one_rule(value: bytes, rule: str) -> None:
    assert [rule] == broken(usage(value), **USAGE)


def test_a_server_that_ignores_include_usage_breaks_one_rule() -> None:
    assert ["chat/usage/sent-when-asked"] == broken(HEAD + SAID + DONE, **USAGE)


def test_a_reply_of_three_pieces_is_not_one_token() -> None:
    said = (ROLE + TEXT + delta(b'{"content":"!"}') + FINISH).replace(b"]}\n\n", b'],"usage":null}\n\n')
    counted = b'{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}'
    assert ["chat/tokens/reply-counted"] == broken(usage(counted, said), **USAGE)
    assert [] == broken(usage(counted), **USAGE)  # two may be one that was cut


def test_zeros_on_the_way_to_the_usage_are_placeholders() -> None:
    zeros = SAID.replace(b"]}\n\n", b'],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}\n\n')
    assert ["chat/usage/no-placeholders"] == broken(usage(COUNTS, zeros), **USAGE)


def test_a_role_without_a_name_is_a_role_of_no_known_name() -> None:
    assert ["chat/delta/role-known"] == broken(HEAD + SAID.replace(b'"assistant"', b'""') + DONE)


def test_audio_is_something_said() -> None:
    audio = delta(b'{"audio":{"id":"a","data":"AAAA"}}')
    assert [] == broken(HEAD + ROLE + audio + FINISH + DONE, modalities=["text", "audio"])


def test_lines_of_json_are_a_body_without_messages() -> None:
    lines = SAID.replace(b"data: ", b"").replace(b"\n\n", b"\n")
    assert ["http/status/streams"] == broken(HEAD + lines)


@pytest.mark.parametrize("separator", [b"\n", b"\\n\\n"])
def test_events_that_are_not_separated_are_meant_to_be_messages(separator: bytes) -> None:
    assert ["sse/events/ended"] == broken(HEAD + (SAID + DONE).replace(b"\n\n", separator))


@pytest.mark.parametrize("status", [b"201 Created", b"204 No Content", b"206 Partial Content", b"302 Found"])
def test_a_status_that_is_neither_success_nor_refusal_is_found_in_any_recording(status: bytes) -> None:
    assert ["http/status/success"] == broken(
        HEAD.replace(b"200 OK", status) + (b"" if b"204" in status else SAID + DONE)
    )


def test_a_page_of_a_proxy_is_found_in_any_recording() -> None:
    page = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>502</html>"
    assert ["http/status/success"] == broken(page)


def test_a_refusal_is_no_failure_of_a_recording_whose_request_may_be_wrong() -> None:
    for status in (b"404 Not Found", b"429 Too Many Requests", b"503 Service Unavailable"):
        assert [] == broken(b"HTTP/1.1 " + status + b"\r\n" + JSON + ERROR)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\n" + JSON + ERROR, HEAD + b"data: " + ERROR + b"\n\n" + DONE, HEAD + SAID + DONE]
)
def test_a_request_that_is_not_refused_breaks_one_rule_however_it_is_answered(answer: bytes) -> None:
    assert ["chat/refusals/out-of-range"] == broken(answer, **HOT)


def test_a_gzip_body_may_have_several_members() -> None:
    assert [] == broken(GZIP + b"".join(gzip.compress(event + b"\n\n") for event in (SAID + DONE).split(b"\n\n")[:-1]))


def test_a_gzip_body_without_its_end_is_broken() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(SAID + DONE) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert ["http/headers/coding-true"] == broken(GZIP + packed)
    assert ["http/headers/coding-true"] == broken(GZIP + gzip.compress(SAID + DONE)[:-12])


def test_a_length_of_nothing_is_a_body_of_nothing() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 0\r\n\r\n"
    assert ["http/status/streams"] == broken(head)


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        (b"2", []),
        (b"Fri, 20 Nov 2026 10:00:10 GMT", []),
        (b"-1", ["chat/refused/retry-after"]),
        (b"1.5", ["chat/refused/retry-after"]),
        (b"soon", ["chat/refused/retry-after"]),
    ],
)
def test_retry_after_is_whole_seconds_or_a_date(value: bytes, rules: list[str]) -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: " + value + b"\r\n" + JSON
    assert rules == broken(head + ERROR)
