"""A load client, where there is no faster one: streams asked for again and again, their events counted.

    python load.py PORT PATH BODYFILE CONNECTIONS WARMUP_S MEASURE_S [pids PID]

It prints the members that the tests read of `loadgen`, which takes the same arguments.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import psutil

END = b"\r\n0\r\n\r\n"


class Client(asyncio.Protocol):
    """One connection; the next request goes out when a stream has ended."""

    def __init__(self, request: bytes, counts: dict[str, int]) -> None:
        self.request, self.counts, self.tail = request, counts, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        seam = self.tail[-6:] + data
        self.counts["chunks"] += seam.count(b"data: ") - self.tail[-6:].count(b"data: ")
        self.tail = (self.tail + data)[-200:]
        if self.tail.endswith(END):
            self.counts["streams_ok" if b"data: [DONE]" in self.tail else "streams_bad"] += 1
            self.tail = b""
            self.transport.write(self.request)


async def main(port: int, path: str, body: bytes, connections: int, warmup: float, measure: float, pid: int) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    counts = dict.fromkeys(("chunks", "streams_ok", "streams_bad"), 0)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(head.encode() + body, counts), "127.0.0.1", port)
    await asyncio.sleep(warmup)
    before, began, server = dict(counts), time.perf_counter(), psutil.Process(pid)
    cpu = sum(server.cpu_times()[:2])
    await asyncio.sleep(measure)
    took = time.perf_counter() - began
    found = {name: counts[name] - before[name] for name in counts}
    cpu = sum(server.cpu_times()[:2]) - cpu
    print(json.dumps({**found, "elapsed_s": took, "server_cpu_s": cpu}))


if __name__ == "__main__":
    port, path, file, connections, warmup, measure, _, pid = sys.argv[1:]
    asked = Path(file).read_bytes()
    asyncio.run(main(int(port), path, asked, int(connections), float(warmup), float(measure), int(pid)))
