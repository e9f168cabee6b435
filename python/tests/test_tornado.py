"""`blueox.tornado_utils`, with a server on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import tornado.autoreload
import tornado.gen
import tornado.httpclient
import tornado.httpserver
import tornado.testing
import tornado.web

import blueox
import blueox.tornado_utils
from blueox.testing import Capture
from blueox.tornado_utils import (
    AsyncHTTPClient,
    BlueOxRequestHandlerMixin,
    SampleRequestHandler,
    coroutine,
    wrap_execute,
    wrap_finish,
)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Cart(SampleRequestHandler):
    async def get(self, number: str) -> None:
        blueox.set("cart", int(number))
        await asyncio.sleep(0)
        with blueox.Context(".sql"):
            blueox.set("query", "SELECT 1")
        self.write("caf\xe9")
        self.write({"a": 1})

    def post(self, number: str) -> None:
        raise tornado.web.HTTPError(410)


class Broken(SampleRequestHandler):
    async def get(self) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError("no cart")


class Generator(SampleRequestHandler):
    @coroutine
    def get(self) -> Any:
        for n in range(3):
            blueox.add("steps", 1)
            blueox.set(f"path{n}", self.request.path)
            yield tornado.gen.sleep(0)
        raise tornado.gen.Return(None)


class Manual(SampleRequestHandler):
    """An answer that is given by code which the loop runs for somebody else."""

    waiting: Callable[[], None] | None = None

    async def get(self) -> None:
        answer = asyncio.Event()
        Manual.waiting = self.later(answer)
        await answer.wait()
        self.write("ok")

    def later(self, answer: asyncio.Event) -> Callable[[], None]:
        def callback() -> None:
            assert blueox.current_context() is None
            context = self.blueox
            assert context is not None
            context.start()
            blueox.set("called_back", True)
            context.stop()
            assert blueox.current_context() is None
            answer.set()

        return callback


class Named(BlueOxRequestHandlerMixin, tornado.web.RequestHandler):
    blueox_name = "shop.request"

    def prepare(self) -> Awaitable[None] | None:
        result = super().prepare()
        assert self.blueox is self.blueox_ctx is blueox.current_context()
        return result

    def get(self) -> None:
        self.finish("ok")


class Fetching(SampleRequestHandler):
    async def get(self) -> None:
        port = self.request.host.rpartition(":")[2]
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/cart/8")
        self.write(answer.body)


class Wrapped(tornado.web.RequestHandler):
    """A handler as applications of 2012 built it."""

    blueox: Any = None

    def get(self) -> None:
        blueox.set("old", True)
        self.write("ok")

    _execute = wrap_execute("old.request")(tornado.web.RequestHandler._execute)
    finish = wrap_finish(tornado.web.RequestHandler.finish)


ROUTES = [
    (r"/cart/(\d+)", Cart),
    (r"/broken", Broken),
    (r"/generator/\d+", Generator),
    (r"/manual", Manual),
    (r"/named", Named),
    (r"/fetching", Fetching),
    (r"/wrapped", Wrapped),
]

Fetch = Callable[..., Awaitable[tornado.httpclient.HTTPResponse]]


def served(test: Callable[[Fetch, int], Awaitable[None]]) -> None:
    """Runs `test` beside a server."""

    async def run() -> None:
        server = tornado.httpserver.HTTPServer(tornado.web.Application(ROUTES, log_function=lambda _: None))
        socket, port = tornado.testing.bind_unused_port()
        server.add_socket(socket)
        client = tornado.httpclient.AsyncHTTPClient(force_instance=True)

        async def fetch(path: str, **options: Any) -> tornado.httpclient.HTTPResponse:
            return await client.fetch(f"http://127.0.0.1:{port}{path}", raise_error=False, **options)

        try:
            await test(fetch, port)
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    asyncio.run(run())


def test_a_request_is_an_event(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        answer = await fetch("/cart/7?full=1", headers={"Traceparent": TRACEPARENT, "Cookie": "a=1"})
        assert answer.code == 200

    served(test)
    event = blueox_events.one("request")
    body = event["body"]
    assert event["id"] == blueox_events.one("request.sql")["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    expected = {"method": "GET", "uri": "/cart/7?full=1", "cart": 7, "client_ip": "127.0.0.1"}
    assert {key: body[key] for key in expected} == expected
    assert body["headers"]["Cookie"] == "[scrubbed]"
    assert body["response_status_code"] == 200
    assert body["response_size"] == len("caf\xe9".encode()) + len(b'{"a": 1}')


def test_a_failure_has_its_exception(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        assert (await fetch("/broken")).code == 500

    served(test)
    body = blueox_events.one("request")["body"]
    assert body["exception"]["message"] == "no cart"
    assert body["response_status_code"] == 500


def test_an_answer_below_500_has_none(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        assert (await fetch("/cart/7", method="POST", body=b"")).code == 410

    served(test)
    body = blueox_events.one("request")["body"]
    assert body["response_status_code"] == 410
    assert "exception" not in body


def test_a_request_that_is_refused_before_prepare(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        assert (await fetch("/cart/7", method="BREW", allow_nonstandard_methods=True)).code == 405

    served(test)
    body = blueox_events.one("request")["body"]
    assert body["method"] == "BREW"
    assert body["response_status_code"] == 405


def test_requests_at_the_same_time_do_not_mix(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        await asyncio.gather(*(fetch(f"/generator/{n}") for n in range(8)))

    served(test)
    events = blueox_events.of("request")
    assert len(events) == 8
    for event in events:
        assert event["body"]["steps"] == 3
        assert {event["body"][f"path{n}"] for n in range(3)} == {event["body"]["uri"]}


def test_a_callback_enters_the_context_by_hand(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        Manual.waiting = None
        answer = asyncio.ensure_future(fetch("/manual"))
        while Manual.waiting is None:
            await asyncio.sleep(0)
        Manual.waiting()
        assert (await answer).body == b"ok"

    served(test)
    assert blueox_events.one("request")["body"]["called_back"] is True


def test_the_mixin_and_a_name(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        assert (await fetch("/named")).body == b"ok"

    served(test)
    assert blueox_events.types == ["shop.request"]


def test_the_client_carries_the_id_along(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, port: int) -> None:
        await fetch("/fetching")

    served(test)
    inner, outgoing, outer = (
        blueox_events.of("request")[0],
        blueox_events.one("request.httpclient"),
        blueox_events.of("request")[1],
    )
    assert inner["id"] == outgoing["id"] == outer["id"]
    assert outgoing["parent"] == outer["span"]
    assert inner["parent"] == outgoing["span"]
    assert outgoing["body"]["request"]["method"] == "GET"
    assert outgoing["body"]["request"]["uri"].endswith("/cart/8")
    assert outgoing["body"]["response"] == {"code": 200, "size": outer["body"]["response_size"]}


def test_the_client_records_errors(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, port: int) -> None:
        client = AsyncHTTPClient()
        with pytest.raises(tornado.httpclient.HTTPError):
            await client.fetch(f"http://127.0.0.1:{port}/broken")
        with pytest.raises(OSError):
            await client.fetch("http://127.0.0.1:1/")

    served(test)
    answered, refused = (event["body"] for event in blueox_events.of("httpclient"))
    assert answered["response"]["code"] == 500
    assert "exception" not in answered
    assert refused["response"]["code"] == 599
    assert refused["exception"]["type"]


def test_tornados_own_client_stays_its_own() -> None:
    async def run() -> None:
        ours, theirs = AsyncHTTPClient(), tornado.httpclient.AsyncHTTPClient()
        assert type(ours) is AsyncHTTPClient
        assert not isinstance(theirs, AsyncHTTPClient)
        assert AsyncHTTPClient() is ours
        ours.close()
        theirs.close()

    asyncio.run(run())


def test_a_client_with_another_name(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, port: int) -> None:
        client = AsyncHTTPClient(force_instance=True)
        client.blueox_name = ".warehouse"
        await client.fetch(f"http://127.0.0.1:{port}/named")
        client.close()

    served(test)
    assert "warehouse" in blueox_events.types


def test_handlers_of_2012(blueox_events: Capture) -> None:
    async def test(fetch: Fetch, _: int) -> None:
        assert (await fetch("/wrapped")).body == b"ok"

    served(test)
    assert blueox_events.one("old.request")["body"] == {"old": True}


def test_install_is_harmless_and_ends_before_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: list[Callable[[], object]] = []
    monkeypatch.setattr(blueox._tornado, "_installed", [])
    monkeypatch.setattr(tornado.autoreload, "add_reload_hook", hooks.append)
    before = tornado.gen.coroutine, tornado.web.RequestHandler._execute
    for _ in range(3):
        blueox.tornado_utils.install()
    assert (tornado.gen.coroutine, tornado.web.RequestHandler._execute) == before
    assert hooks == [blueox.shutdown]


def test_coroutines_of_other_objects(blueox_events: Capture) -> None:
    class Job:
        def __init__(self) -> None:
            self.blueox_ctx = blueox.Context("job")

        @coroutine
        def generator(self) -> Any:
            blueox.set("generator", True)
            yield tornado.gen.sleep(0)
            blueox.set("generator_later", True)

        @coroutine
        async def native(self) -> str:
            blueox.set("native", True)
            await asyncio.sleep(0)
            blueox.set("native_later", True)
            return "done"

        @coroutine
        def plain(self) -> None:
            blueox.set("plain", True)

    @coroutine
    def function() -> None:
        assert blueox.current_context() is None

    async def run() -> None:
        job = Job()
        await job.generator()
        assert await job.native() == "done"
        await job.plain()
        await function()
        assert blueox.current_context() is None
        job.blueox_ctx.done()

    asyncio.run(run())
    keys = ("generator", "generator_later", "native", "native_later", "plain")
    assert blueox_events.one("job")["body"] == dict.fromkeys(keys, True)
