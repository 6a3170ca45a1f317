"""A back end in Python with aiohttp, as such are written today: it starts a Dify workflow, reads its
stream and answers with one JSON (POST /json), or passes the stream on (POST /sse).

    gateway_aiohttp.py URL     URL is Dify's, with /v1

Prints the port that it listens on.
"""

import json
import socket
import sys

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from gateway_python import Result, order_of

URL = sys.argv[1] + "/workflows/run"
SESSION = web.AppKey("session", ClientSession) if hasattr(web, "AppKey") else "session"


async def ask(request):
    order = order_of(await request.json())
    return request.app[SESSION].post(
        URL, json=order, headers={"Authorization": request.headers["Authorization"]})


async def answer_json(request):
    result = Result()
    async with await ask(request) as answer:
        async for line in answer.content:
            if line.startswith(b"data: "):
                result.take(json.loads(line[6:]))
    return web.json_response(result.whole())


async def answer_sse(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    async with await ask(request) as answer:
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
    await response.write_eof()
    return response


async def session(app):
    app[SESSION] = ClientSession(connector=TCPConnector(limit=0), timeout=ClientTimeout(total=None))
    yield
    await app[SESSION].close()


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    app = web.Application()
    app.cleanup_ctx.append(session)
    app.add_routes([web.post("/json", answer_json), web.post("/sse", answer_sse)])
    print(listener.getsockname()[1], flush=True)
    web.run_app(app, sock=listener, print=None, access_log=None)


main()
