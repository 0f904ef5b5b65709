"""The upstream, spoken to without a gateway."""

import asyncio

from conformance.gateway.situations.telling import document
from conformance.simulation import link, simulate
from mockserver.upstream import Upstream

MARKED = b'{"messages":[{"role":"user","content":"streamspec-mark-0123456789ab"}]}'


class Client(asyncio.Protocol):
    def __init__(self):
        self.got = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.got += data


def asked(path):
    """Where the upstream noted a marked request to this path, and the status it gave."""

    async def run():
        async with Upstream(asyncio.get_running_loop().time, "any", port=None) as upstream:
            upstream.expect("0123456789ab", lambda _: document({}, 418))
            client = Client()
            link(client, upstream.accept())
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(MARKED)}\r\n\r\n"
            client.transport.write(head.encode() + MARKED)
            await asyncio.sleep(0.1)
            return len(upstream.served("0123456789ab")), len(upstream.strangers), client.got.split()[1]

    return simulate(run())


def test_a_marked_request_is_answered_as_planned():
    assert (1, 0, b"418") == asked("/v1/chat/completions")


def test_a_router_that_has_the_text_tokenised_first_is_not_taken_for_the_request():
    assert (0, 1, b"404") == asked("/tokenize")
    assert (0, 1, b"404") == asked("/v1/chat/completions/render")
