"""The floor: a bare aiohttp handler that writes fixed bytes, one write per event.  python floor.py PORT EVENTS"""

import sys

from aiohttp import web

EVENT = (
    b'data: {"id":"chatcmpl-0123456789abcdef0123456789abc","object":"chat.completion.chunk","created":1767225600,'
    b'"model":"mock","service_tier":"default","system_fingerprint":"fp_0000000000","choices":[{"index":0,'
    b'"delta":{"content":" word"},"logprobs":null,"finish_reason":null}]}\n\n'
)


async def handle(request: web.Request) -> web.StreamResponse:
    await request.read()
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(int(sys.argv[2])):
        await response.write(EVENT)
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
