"""A server that answers as `oxview web` does, from events made up here: what a test wants to see is then known
to the last digit. `python fake_server.py 3599` serves the page for working on it."""

from __future__ import annotations

import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from answers import Answers, Query, Refused
from shop import Shop

DIST = pathlib.Path(__file__).resolve().parents[2] / "web" / "dist"
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

Message = tuple[str, Any]


class FakeServer:
    """Serves the page and made-up answers on a port of its own. `live` gives the messages of one stream."""

    def __init__(self, shop: Shop | None = None, port: int = 0) -> None:
        self.answers = Answers(shop or Shop())
        self.live: Callable[[Query], Iterator[Message]] = self.trickle
        self.stopping = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.handle(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: http.server.BaseHTTPRequestHandler) -> None:
        path, _, text = request.path.partition("?")
        try:
            if path == "/api/v1/live":
                self.stream(request, urllib.parse.parse_qs(text))
            elif path.startswith("/api/v1/"):
                self.question(request, path.removeprefix("/api/v1/"), urllib.parse.parse_qs(text))
            else:
                self.file(request, path)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True

    def question(self, request: http.server.BaseHTTPRequestHandler, path: str, query: Query) -> None:
        try:
            status, body = 200, self.answers.answer(path, query)
        except Refused as refused:
            status, body = refused.status, refused.body
        send(request, status, "application/json", json.dumps(body).encode())

    def file(self, request: http.server.BaseHTTPRequestHandler, path: str) -> None:
        name = "index.html" if path == "/" else path[1:]
        found = DIST / name
        if "/" in name or not found.is_file():
            send(request, 404, "text/plain", b"not here")
        else:
            send(request, 200, KINDS.get(found.suffix, "text/plain"), found.read_bytes())

    def stream(self, request: http.server.BaseHTTPRequestHandler, query: Query) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        for name, data in self.live(query):
            request.wfile.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
            request.wfile.flush()
            if self.stopping.is_set():
                return

    def trickle(self, _query: Query) -> Iterator[Message]:
        """A few events at a time, one message every 100 ms."""
        yield hello()
        events = self.answers.shop.events
        for at in range(0, sys.maxsize, 6):
            batch = [events[(at + k) % len(events)] for k in range(6)]
            now = time.time()
            yield "events", {"events": [{**event, "time": now} for event in batch], "skipped": 0, "seen": 6}
            self.stopping.wait(0.1)


def hello() -> Message:
    return "hello", {"daemons": ["127.0.0.1:3513"], "interval": 0.1, "batch": 200, "now": time.time()}


def send(request: http.server.BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.send_header("Content-Security-Policy", POLICY)
    request.send_header("X-Content-Type-Options", "nosniff")
    request.send_header("Cache-Control", "no-store")
    request.end_headers()
    request.wfile.write(body)


if __name__ == "__main__":
    served = FakeServer(port=int(sys.argv[1]) if len(sys.argv) > 1 else 3599)
    print(served.url)
    served.thread.join()
