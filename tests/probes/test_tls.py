"""TLS against a server whose certificate nobody signed but itself."""

import asyncio
import ssl

import pytest

from conformance.probes.catalogue import find
from conformance.probes.connection import By, Unreachable, connect
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.recorder import Leave, record
from conformance.probes.runner import run
from conformance.protocols.exchange import Ending, Request

PRIVATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvH3z3FCARmBq5Zrg
TN7DgjpisyP2AGacvTQoL5u0CXahRANCAAQGNHgxk7VKGEjIqpk+r5AeBmRy4WiK
bN97c6HxadndhpnLqFgZg7yCjyucfhSRmrd+Ux11xsLGsFjLEkH6f2y3
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAY0eDGTtUoYSMiq
mT6vkB4GZHLhaIps33tzofFp2d2GmcuoWBmDvIKPK5x+FJGat35THXXGwsawWMsS
Qfp/bLejXjBcMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgKEMB0GA1Ud
DgQWBBR6X2go7iSdWqg5JqlUm+/Dxl7lKDAaBgNVHREEEzARhwR/AAABgglsb2Nh
bGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIhANSlvReRM6nK+45CWEtKpSjxEnh7b0la
lRsmAiAgtrojAiB0jGLEYkQOIet6TvX4pLsiVEzMqHAFcvTxlm+LCW3z+A==
-----END CERTIFICATE-----
"""  # for 127.0.0.1 and localhost, 2020 to 2120; made for this test and good for nothing else
STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b"data: a\n\n")
CHUNKED = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"9\r\ndata: a\n\n\r\n")


@pytest.fixture
def certificate(tmp_path):
    (tmp_path / "both.pem").write_text(PRIVATE + CERTIFICATE)
    return tmp_path / "both.pem"


@pytest.fixture
def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def first(peer, endpoint, server_side):
    """The exchange of one probe with a server that speaks TLS and plays these acts."""

    def make(*acts, **members):
        async def go():
            async with peer((acts,), tls=server_side) as server:
                return (await run(endpoint(server, **members), [find("stream")]))[0]

        return asyncio.run(go())

    return make


def test_a_stream_over_tls_is_read_where_its_authority_is_trusted(first, certificate):
    exchange = first(*STREAM, "fin", verify=certificate)
    assert exchange.body == b"data: a\n\n"
    assert exchange.ending is Ending.EOF


def test_a_certificate_may_go_unchecked(first):
    assert first(*STREAM, "fin", verify=False).status == 200


def test_a_certificate_that_is_not_trusted_is_unreachable_and_says_what_to_do(first):
    with pytest.raises(Unreachable, match=r"not trusted \(self[- ]signed certificate\).*verify: false"):
        first(*STREAM, "fin")


def test_a_server_that_does_not_speak_tls_is_unreachable_and_says_what_to_do(peer):
    async def shout(_, writer):
        writer.write(b"220 ready\r\n")
        await writer.drain()
        writer.close()

    async def go():
        async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await connect(Endpoint(url=f"https://127.0.0.1:{port}/v1", model="m"), lambda: 0.0)

    with pytest.raises(Unreachable, match="http:// rather than https://"):
        asyncio.run(go())


def test_a_server_that_stalls_in_the_handshake_is_unreachable_in_time(peer):
    async def stall(reader, writer):
        await reader.read()
        writer.close()

    async def go():
        async with await asyncio.start_server(stall, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            limits = Limits(connect_s=0.05)
            try:
                await connect(Endpoint(url=f"https://127.0.0.1:{port}/v1", model="m", limits=limits), lambda: 0.0)
            finally:
                await asyncio.sleep(0.01)

    with pytest.raises(Unreachable, match=r"within 0\.05 s"):
        asyncio.run(go())


def test_plain_http_to_a_server_that_wants_tls_is_an_exchange_without_a_head(peer, server_side):
    async def go():
        async with peer((STREAM,), tls=server_side) as server:
            limits = Limits(head_s=0.2, exchange_s=0.2, linger_s=0.01)
            where = Endpoint(url=f"http://127.0.0.1:{server.port}/v1", model="m", limits=limits)
            return (await run(where, [find("stream")]))[0]

    assert asyncio.run(go()).head is None


def test_a_reset_over_tls_keeps_what_came_before(first):
    exchange = first(*CHUNKED, "rst", verify=False)
    assert exchange.body == b"data: a\n\n"
    assert exchange.ending is Ending.RESET


@pytest.mark.parametrize(("by", "seen"), [(By.FIN, "fin"), (By.RST, "rst")])
def test_the_server_sees_how_we_leave(peer, endpoint, server_side, by, seen):
    async def go():
        async with peer((CHUNKED,), tls=server_side) as server:
            where = endpoint(server, verify=False)
            connection = await connect(where, asyncio.get_running_loop().time)
            request = Request("POST", f"{where.url}/chat/completions", (), {"model": "m", "messages": []})
            exchange = await record(connection, where, request, leave=Leave(messages=1, by=by))
            await connection.closed()
            await server.until(lambda: server.left)
            return exchange, server.left

    exchange, left = asyncio.run(go())
    assert (exchange.ending, left) == (Ending.LEFT, [seen])
