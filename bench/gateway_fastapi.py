"""The same as gateway_aiohttp.py with FastAPI, httpx and uvicorn.

    gateway_fastapi.py URL     URL is Dify's, with /v1
"""

import json
import socket
import sys

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from gateway_python import Result, order_of

URL = sys.argv[1] + "/workflows/run"
app = FastAPI()
client = httpx.AsyncClient(timeout=None, trust_env=False,
                           limits=httpx.Limits(max_connections=None,
                                               max_keepalive_connections=None))


async def ask(request):
    order = order_of(await request.json())
    return client.stream("POST", URL, json=order,
                         headers={"Authorization": request.headers["Authorization"]})


@app.post("/json")
async def answer_json(request: Request):
    result = Result()
    async with await ask(request) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                result.take(json.loads(line[6:]))
    return JSONResponse(result.whole())


@app.post("/sse")
async def answer_sse(request: Request):
    stream = await ask(request)

    async def pieces():
        async with stream as answer:
            async for piece in answer.aiter_raw():
                yield piece

    return StreamingResponse(pieces(), media_type="text/event-stream")


listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])
