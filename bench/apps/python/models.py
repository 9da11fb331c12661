"""What models.ts answers, as WSGI (`wsgi`) and ASGI (`asgi`) applications."""

import asyncio
import os
import re
import time


def milliseconds(query):
    found = re.search(r"\bms=(\d+)", query)
    return int(found.group(1)) if found else 0


def compute(ms):
    end = time.thread_time() + ms / 1000
    state = 1
    while time.thread_time() < end:
        for _ in range(200):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF


def block(ms):
    start = time.monotonic_ns()
    time.sleep(ms / 1000)
    return f"{os.getpid()} {start} {time.monotonic_ns()}\n".encode()


def wsgi(environ, start_response):
    path, ms = environ["PATH_INFO"], milliseconds(environ.get("QUERY_STRING", ""))
    body = b"Hello, world!\n"
    if path in ("/block", "/wait"):
        body = block(ms)
    elif path == "/cpu":
        compute(ms)
    start_response("200 OK", [("content-type", "text/plain"), ("content-length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    path, ms = scope["path"], milliseconds(scope["query_string"].decode())
    body = b"Hello, world!\n"
    if path == "/block":
        body = block(ms)
    elif path == "/wait":
        await asyncio.sleep(ms / 1000)
    elif path == "/cpu":
        compute(ms)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
