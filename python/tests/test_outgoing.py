"""`blueox.contrib.httpx` and `blueox.contrib.requests`, against a server of the standard library."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests

import blueox
import blueox.contrib.httpx
import blueox.contrib.requests
from blueox.testing import Capture


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[str | None] = []  # noqa: RUF012 - cleared by the fixture

    def do_GET(self) -> None:
        Handler.seen.append(self.headers.get("traceparent"))
        status = {"/moved": 302, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/there")
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine goes through to reach others is not asked for itself."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def url() -> Iterator[str]:
    Handler.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://anna:secret@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def by_httpx(method: str, url: str) -> bytes:
    with blueox.contrib.httpx.record(httpx.Client(follow_redirects=True)) as client:
        return client.request(method, url, content=b"abc" if method == "POST" else None).content


def by_httpx_async(method: str, url: str) -> bytes:
    async def fetch() -> bytes:
        async with blueox.contrib.httpx.record(httpx.AsyncClient(follow_redirects=True)) as client:
            return (await client.request(method, url, content=b"abc" if method == "POST" else None)).content

    return asyncio.run(fetch())


def by_requests(method: str, url: str) -> bytes:
    with blueox.contrib.requests.record(requests.Session()) as session:
        return session.request(method, url, data=b"abc" if method == "POST" else None).content


Client = Callable[[str, str], bytes]
all_clients = pytest.mark.parametrize("client", [by_httpx, by_httpx_async, by_requests])


@all_clients
def test_a_request_is_an_event_and_carries_its_id_along(blueox_events: Capture, url: str, client: Client) -> None:
    with blueox.Context("job"):
        assert client("POST", f"{url}/there?a=1") == b"hello"
    job, outgoing = blueox_events.one("job"), blueox_events.one("job.httpclient")
    body = outgoing["body"]
    assert body["request"] == {"method": "POST", "uri": url.replace("anna:secret@", "") + "/there?a=1", "size": 3}
    assert body["response"] == {"code": 200, "size": 5}
    assert outgoing["parent"] == job["span"]
    assert Handler.seen == [f"00-{job['id']}-{outgoing['span']}-01"]


@all_clients
def test_each_redirect_is_an_event(blueox_events: Capture, url: str, client: Client) -> None:
    with blueox.Context("job"):
        client("GET", f"{url}/moved")
    first, second = blueox_events.of("job.httpclient")
    assert (first["body"]["response"]["code"], second["body"]["response"]["code"]) == (302, 200)
    spans = [header.split("-")[2] for header in Handler.seen if header]
    assert spans == [first["span"], second["span"]]


@all_clients
def test_an_answer_of_500_is_no_exception(blueox_events: Capture, url: str, client: Client) -> None:
    client("GET", f"{url}/broken")
    body = blueox_events.one("httpclient")["body"]
    assert body["response"]["code"] == 500
    assert "exception" not in body


@all_clients
def test_no_answer_is_an_exception(blueox_events: Capture, client: Client) -> None:
    with pytest.raises((httpx.ConnectError, requests.ConnectionError)):
        client("GET", "http://127.0.0.1:1/")
    body = blueox_events.one("httpclient")["body"]
    assert "response" not in body
    assert body["exception"]["type"]


def test_a_streamed_answer_ends_with_its_last_byte(blueox_events: Capture, url: str) -> None:
    with httpx.Client(transport=blueox.contrib.httpx.Transport()) as client, client.stream("GET", url) as answer:
        assert blueox_events.of("httpclient") == []
        answer.read()
    assert blueox_events.one("httpclient")["body"]["response"] == {"code": 200, "size": 5}


def test_requests_streams_are_counted_by_their_heads(blueox_events: Capture, url: str) -> None:
    with blueox.contrib.requests.record(requests.Session()) as session, session.get(url, stream=True) as answer:
        assert blueox_events.one("httpclient")["body"]["response"] == {"code": 200}
        assert answer.content == b"hello"


def test_recording_twice_records_once(blueox_events: Capture, url: str) -> None:
    session = requests.Session()
    blueox.contrib.requests.record(blueox.contrib.requests.record(session)).get(url)
    session.close()
    with httpx.Client() as client:
        blueox.contrib.httpx.record(blueox.contrib.httpx.record(client)).get(url)
    assert len(blueox_events.of("httpclient")) == 2


def test_proxies_are_recorded_too(blueox_events: Capture, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", url)
    with blueox.contrib.httpx.record(httpx.Client()) as client:
        client.get("http://elsewhere.invalid/there")
    assert blueox_events.one("httpclient")["body"]["response"]["code"] == 200


def test_an_id_of_the_applications_own_fits_into_no_header(blueox_events: Capture, url: str) -> None:
    with blueox.Context("job", id=42):
        by_requests("GET", url)
    assert Handler.seen == [None]


def test_what_is_no_client_of_httpx_is_named() -> None:
    with pytest.raises(TypeError, match="requests.sessions.Session"):
        blueox.contrib.httpx.record(requests.Session())  # type: ignore[type-var]
