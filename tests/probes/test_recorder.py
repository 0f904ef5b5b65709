"""The recorder against servers that send literal bytes."""

import gzip
import itertools
import tracemalloc

import pytest

from conformance.probes.connection import By
from conformance.probes.endpoint import Limits
from conformance.probes.intake import Budget
from conformance.probes.recorder import Leave, done_came, head_came
from conformance.probes.way import Way
from conformance.protocols.exchange import Ending
from conformance.wire.events import Comment, Message
from conformance.wire.http import Transport
from conformance.wire.script import Framing

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
SHORT = Limits(head_s=5, exchange_s=0.15, linger_s=0.02)
SHORT_HEAD = Limits(head_s=0.06, exchange_s=5, linger_s=0.02)
KEY = "sk-very-secret-0123456789"


def datas(exchange):
    return [event.data for event in exchange.events if isinstance(event, Message)]


# ---- how a response ends


def test_a_chunked_stream_is_read_to_its_last_chunk_on_a_connection_that_stays_open(ask):
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", b"9\r\ndata: b\n\n\r\n", b"0\r\n\r\n").exchange
    assert datas(exchange) == ["a", "b"]
    assert exchange.ending is Ending.EOF
    assert exchange.transport == Transport(Framing.CHUNKED, complete=True, reusable=True)


def test_a_missing_last_chunk_is_an_incomplete_response(ask):
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", "fin").exchange
    assert datas(exchange) == ["a"]
    assert exchange.ending is Ending.EOF
    assert exchange.transport.complete is False


def test_a_response_that_ends_with_the_connection_is_complete(ask):
    exchange = ask(CLOSE, b"data: a\n\n", "fin").exchange
    assert exchange.ending is Ending.EOF
    assert exchange.transport == Transport(Framing.CLOSE, complete=True)


def test_transfer_encoding_and_content_length_together_are_seen(ask):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"
    exchange = ask(head, b"9\r\ndata: a\n\n\r\n0\r\n\r\n").exchange
    assert exchange.head.all("content-length") == ["9"]
    assert exchange.head.all("transfer-encoding") == ["chunked"]


def test_bytes_after_the_end_are_kept_apart(ask):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    patient = Limits(head_s=5, exchange_s=5, linger_s=5)  # the FIN ends it
    exchange = ask(head, b"{}", 0.005, b"stray", "fin", limits=patient).exchange
    assert exchange.body == b"{}"
    assert exchange.transport.rest == b"stray"
    assert exchange.transport.reusable is False


def test_a_reset_in_mid_stream_keeps_what_came_before(ask):
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", "rst").exchange
    assert exchange.ending is Ending.RESET
    assert datas(exchange) == ["a"]


def test_a_connection_closed_without_an_answer_has_no_head(ask):
    exchange = ask("fin").exchange
    assert exchange.ending is Ending.EOF
    assert exchange.head is None


def test_what_is_no_http_is_a_flaw(ask):
    exchange = ask(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").exchange
    assert exchange.head is None
    assert exchange.transport.flaw != ""


# ---- time


def test_headers_that_never_come_are_a_timeout_at_the_limit_for_the_head(ask):
    exchange = ask("hang", limits=SHORT_HEAD).exchange
    assert exchange.ending is Ending.TIMEOUT
    assert exchange.head is None
    assert SHORT_HEAD.head_s <= exchange.ended_at < SHORT_HEAD.exchange_s


def test_a_stream_that_falls_silent_is_a_timeout_at_the_limit_for_the_whole(ask):
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", "hang", limits=SHORT).exchange
    assert exchange.ending is Ending.TIMEOUT
    assert exchange.ended_at >= SHORT.exchange_s
    assert datas(exchange) == ["a"]


def test_one_byte_at_a_time_runs_into_the_limit_for_the_whole(ask):
    drops = itertools.chain([CLOSE], itertools.chain.from_iterable((b"x", 0.005) for _ in itertools.count()))
    exchange = ask(endless=drops, limits=SHORT).exchange
    assert exchange.ending is Ending.TIMEOUT
    assert exchange.ended_at >= SHORT.exchange_s


def test_a_head_that_comes_byte_by_byte_runs_into_the_limit_for_the_head(ask):
    drops = itertools.chain.from_iterable((b"H", 0.005) for _ in itertools.count())
    exchange = ask(endless=itertools.chain([b"HTTP/1.1 200 OK\r\nX: "], drops), limits=SHORT_HEAD).exchange
    assert exchange.ending is Ending.TIMEOUT
    assert exchange.head is None
    assert exchange.ended_at < SHORT_HEAD.exchange_s


def test_events_carry_the_time_of_their_last_byte(ask):
    exchange = ask(CLOSE, b"data: a\n\ndata:", 0.03, b" b\n\n", "fin").exchange
    first, second = exchange.events
    assert first.at <= exchange.ended_at
    assert second.at - first.at >= 0.025
    assert exchange.head_at <= first.at


def test_times_are_read_from_the_clock_that_is_given_and_count_from_the_request(ask):
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n0\r\n\r\n", clock=lambda: 5000.0).exchange
    assert (exchange.head_at, exchange.events[0].at, exchange.ended_at) == (0.0, 0.0, 0.0)


# ---- size


def test_an_endless_stream_is_cut_at_the_limit_of_bytes(ask):
    limits = Limits(exchange_s=10, max_bytes=300_000)
    exchange = ask(endless=itertools.chain([CLOSE], itertools.repeat(b"data: 0123456789\n\n" * 500)), limits=limits)
    assert exchange.exchange.ending is Ending.CUT
    assert len(CLOSE) + len(exchange.exchange.body) == 300_000


@pytest.mark.parametrize(
    "bit",
    [
        b":\n" * 500,
        b"data: 1\n\n" * 100,
        b'data: {"a":[' + b"[]," * 300 + b"[]]}\n\n",
        b'data: {"a":{"b":"c","d":{}}}\n\n',
    ],
    ids=["comments", "small messages", "arrays", "objects"],
)
def test_an_endless_stream_is_cut_before_what_is_read_takes_more_than_the_limit_of_memory(ask, bit):
    limits = Limits(exchange_s=10, max_memory=1_000_000)
    ask(CLOSE, b"data: 1\n\n", "fin")  # what is loaded once does not count
    tracemalloc.start()
    exchange = ask(endless=itertools.chain([CLOSE], itertools.repeat(bit * 5)), limits=limits).exchange
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert exchange.ending is Ending.CUT
    assert isinstance(exchange.events[0], Comment | Message)
    assert 250_000 < kept < 6_000_000


def test_one_line_without_end_is_cut_and_costs_no_more_than_a_few_times_the_limit(ask):
    limits = Limits(exchange_s=10, max_bytes=2_000_000)
    tracemalloc.start()
    exchange = ask(endless=itertools.chain([CLOSE, b"data: "], itertools.repeat(b"x" * 65536, 1000)), limits=limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert exchange.exchange.ending is Ending.CUT
    assert peak < 24_000_000  # of the 64 MB that were on offer


def test_interim_responses_without_end_are_cut_at_the_limit_of_the_head(ask):
    limits = Limits(exchange_s=10, max_head=10_000)
    exchange = ask(endless=itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 10), limits=limits).exchange
    assert exchange.ending is Ending.CUT
    assert exchange.head is None


def test_a_gzip_body_is_read(ask):
    body = gzip.compress(b"data: a\n\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    exchange = ask(head, body).exchange
    assert datas(exchange) == ["a"]


def test_a_gzip_bomb_is_cut_at_the_limit_of_bytes(ask):
    body = gzip.compress(b"data: " + b"x" * 5_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    exchange = ask(head + body, limits=Limits(exchange_s=10, max_bytes=200_000)).exchange
    assert exchange.ending is Ending.CUT
    assert len(exchange.body) < 600_000


def test_a_run_that_has_spent_its_budget_gives_every_exchange_a_little(ask):
    budget = Budget(Limits(max_memory=1))
    budget.take(10)
    small = ask(CLOSE, b"data: a\n\n", "fin", budget=budget).exchange
    large = ask(endless=itertools.chain([CLOSE], itertools.repeat(b"data: a\n\n" * 5000)), budget=budget).exchange
    assert (small.ending, large.ending) == (Ending.EOF, Ending.CUT)
    assert len(large.body) < 256 * 1024


# ---- what is not a stream


def test_an_html_page_is_an_exchange_like_any_other(ask):
    page = b"<html><h1>502 Bad Gateway</h1></html>"
    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 37\r\n\r\n"
    exchange = ask(head, page).exchange
    assert (exchange.status, exchange.body, exchange.ending) == (502, page, Ending.EOF)


def test_a_json_error_with_status_200_is_a_document(ask):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
    exchange = ask(head, b'{"error":{"message":"broken"}}'[:29] + b"}").exchange
    assert exchange.body == b'{"error":{"message":"broken"}'
    exchange = ask(head.replace(b"29", b"30"), b'{"error":{"message":"broken"}}').exchange
    assert exchange.document == {"error": {"message": "broken"}}


def test_a_redirect_is_not_followed(ask):
    asked = ask(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    assert asked.exchange.status == 307
    assert len(asked.peer.requests) == 1
    assert asked.peer.connections == 1


# ---- leaving


@pytest.mark.parametrize(("by", "seen"), [(By.FIN, "fin"), (By.RST, "rst")])
def test_the_server_sees_how_we_leave_after_a_message(ask, by, seen):
    asked = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", leave=Leave(messages=1, by=by))
    assert asked.exchange.ending is Ending.LEFT
    assert datas(asked.exchange) == ["a"]
    assert asked.peer.left == [seen]


@pytest.mark.parametrize(("by", "seen"), [(By.FIN, "fin"), (By.RST, "rst")])
def test_the_server_sees_how_we_leave_before_the_head(ask, by, seen):
    asked = ask(0.01, leave=Leave(seconds=0.005, by=by))
    assert asked.exchange.ending is Ending.LEFT
    assert asked.exchange.head is None
    assert asked.peer.left == [seen]


def test_leaving_after_messages_that_never_come_is_a_timeout(ask):
    exchange = ask(CHUNKED, "hang", leave=Leave(messages=3), limits=SHORT).exchange
    assert exchange.ending is Ending.TIMEOUT


def test_leaving_at_the_head_is_before_the_first_event(ask):
    asked = ask(CHUNKED, 0.05, b"9\r\ndata: a\n\n\r\n", leave=Leave(when=head_came))
    assert (asked.exchange.ending, asked.exchange.status, datas(asked.exchange)) == (Ending.LEFT, 200, [])


def test_leaving_at_done_does_not_wait_for_the_end_of_the_body(ask):
    asked = ask(CHUNKED, b"e\r\ndata: [DONE]\n\n\r\n", 0.05, b"0\r\n\r\n", leave=Leave(when=done_came))
    assert (asked.exchange.ending, datas(asked.exchange)) == (Ending.LEFT, ["[DONE]"])
    assert asked.exchange.transport.complete is False


def test_a_half_close_shows_to_the_server_and_what_comes_after_it_is_read(ask):
    acts = (CHUNKED, b"9\r\ndata: a\n\n\r\n", 0.02, b"9\r\ndata: b\n\n\r\n", b"0\r\n\r\n")
    asked = ask(*acts, leave=Leave(messages=1, by=By.HALF, idle=1.0))
    exchange = asked.exchange
    assert (exchange.ending, exchange.left_by, datas(exchange)) == (Ending.LEFT, "half-close", ["a", "b"])
    assert asked.peer.left == ["fin"]


def test_what_came_in_the_same_read_as_the_message_before_a_half_close_is_kept(ask):
    several = b"209\r\ndata: 0%s\n\n\r\n" % (b"x" * 512) * 300
    acts = (CHUNKED + several, 0.02, b"9\r\ndata: b\n\n\r\n", b"0\r\n\r\n")
    exchange = ask(*acts, leave=Leave(messages=1, by=By.HALF, idle=1.0)).exchange
    assert [*["0"] * 300, "b"] == [data[:1] for data in datas(exchange)]
    assert exchange.transport.complete


def test_a_half_closing_client_reads_on_for_so_long_and_no_longer(ask):
    leave = Leave(messages=1, by=By.HALF, idle=0.05)
    exchange = ask(CHUNKED, b"9\r\ndata: a\n\n\r\n", "hang", leave=leave).exchange
    assert (exchange.ending, exchange.left_by) == (Ending.LEFT, "half-close")
    assert 0.05 <= exchange.ended_at < 1.0


def test_a_client_that_idles_keeps_nothing_of_what_comes_meanwhile(ask):
    acts = (CHUNKED, b"9\r\ndata: a\n\n\r\n", 0.01, b"9\r\ndata: b\n\n\r\n", "hang")
    exchange = ask(*acts, leave=Leave(messages=1, idle=0.05)).exchange
    assert (exchange.ending, datas(exchange)) == (Ending.LEFT, ["a"])
    assert exchange.ended_at >= 0.05


# ---- the same request in other ways


@pytest.mark.parametrize("way", [Way.WHOLE, Way.BYTES, Way.CAPITALS, Way.OF_CLIENTS, Way.UNTYPED])
def test_the_body_that_arrives_is_the_same_in_every_way_but_one(ask, way):
    asked = ask(CLOSE, b"data: a\n\n", "fin", way=way)
    body = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
    assert (datas(asked.exchange), asked.peer.requests[0][2]) == (["a"], body)


def test_a_chunked_body_arrives_in_chunks(ask):
    asked = ask(CLOSE, b"data: a\n\n", "fin", way=Way.CHUNKED)
    assert asked.peer.requests[0][2].startswith(b'28\r\n{"model": "m"')
    assert datas(asked.exchange) == ["a"]


# ---- the key


def test_the_key_is_sent_and_is_not_in_the_exchange(ask):
    asked = ask(CLOSE, b"data: a\n\n", "fin")
    assert f"authorization: Bearer {KEY}".encode() in asked.peer.requests[0][1]
    assert KEY not in repr(asked.exchange)
    assert asked.exchange.request.header("authorization") is None
    assert asked.exchange.request.header("accept") == "text/event-stream"


def test_a_key_that_the_server_sends_back_is_blotted_out_and_lengths_stay(ask):
    body = b'{"error":"bad key sk-very-secret-0123456789"}'
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 45\r\n\r\n"
    exchange = ask(head, body[:25], 0.005, body[25:]).exchange
    assert exchange.body == b'{"error":"bad key *************************"}'
    assert exchange.transport.complete is True


def test_a_key_that_comes_in_several_chunks_is_blotted_out(ask):
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (b"data: sk-very", b"-secret-01", b"23456789\n\n")
    )
    exchange = ask(CHUNKED, chunks + b"0\r\n\r\n").exchange
    assert datas(exchange) == ["*" * 25]
    assert exchange.transport.complete is True


def test_a_compressed_body_is_read_up_to_the_key(ask):
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Encoding: gzip\r\n\r\n"
    exchange = ask(head, gzip.compress(b'{"error":"bad key sk-very-secret-0123456789"}'), "fin").exchange
    assert KEY.encode() not in exchange.body
    assert (401, Ending.CUT) == (exchange.status, exchange.ending)


def test_an_end_that_looks_like_the_start_of_the_key_is_not_waited_for(ask):
    exchange = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"disk"[:3] + b"s").exchange
    assert exchange.body == b"diss"
    assert exchange.ending is Ending.EOF
