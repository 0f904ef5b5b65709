"""A mock server in a process of its own, which says its URL:  python serve.py FAULT SLOTS  ("" and 0 for none)"""

import asyncio
import sys

from mockserver.answering import Settings
from mockserver.app import MockServer


async def main(fault: str, slots: int) -> None:
    async with MockServer(Settings(slots=slots, gzip=True), fault=fault or None) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
