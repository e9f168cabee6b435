"""`blueox.contrib.asgi`: bare, under Starlette, and under FastAPI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from waiting import wait_for

import blueox
from blueox.contrib.asgi import Middleware
from blueox.testing import Capture

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Message = MutableMapping[str, Any]


class Server:
    """One request as a server hands it over: what the client sends, and what the application answered."""

    def __init__(self, *incoming: Message, **scope: Any) -> None:
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [],
            "client": ("10.0.0.1", 4121),
            **scope,
        }
        self.incoming = list(incoming)
        self.answered: list[Message] = []

    async def receive(self) -> Message:
        return self.incoming.pop(0)

    async def send(self, message: Message) -> None:
        self.answered.append(message)

    def run(self, app: Any) -> None:
        asyncio.run(Middleware(app)(self.scope, self.receive, self.send))


def start(status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": []}


def body(data: bytes, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_a_request_is_an_event(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()
        blueox.set("cart", 7)
        await send(start())
        await send(body(b"hello "))

    request = [{"type": "http.request", "body": b"abc", "more_body": True}, {"type": "http.request", "body": b"de"}]
    headers = [(b"User-Agent", b"probe"), (b"cookie", b"a=1"), (b"x-two", b"1"), (b"x-two", b"2"), (b"x-odd", b"\xe9")]
    Server(*request, path="/cart", query_string=b"a=1", root_path="/shop", headers=headers).run(app)
    found = blueox_events.one("request")["body"]
    assert found == {
        "method": "GET",
        "path": "/shop/cart",
        "query_string": "a=1",
        "client_ip": "10.0.0.1",
        "headers": {"user-agent": "probe", "cookie": "[scrubbed]", "x-two": "1, 2", "x-odd": "\xe9"},
        "cart": 7,
        "response_status_code": 200,
        "response_size": 6,
        "request_size": 5,
    }


def test_it_goes_on_with_a_traceparent(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())

    Server(headers=[(b"traceparent", TRACEPARENT.encode())]).run(app)
    event = blueox_events.one("request")
    assert event["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert event["parent"] == "00f067aa0ba902b7"


def test_the_event_ends_with_the_last_byte(blueox_events: Capture) -> None:
    counts: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for more in (True, True, False):
            counts.append(len(blueox_events.of("request")))
            await send(body(b"row\n", more))
        counts.append(len(blueox_events.of("request")))
        with blueox.Context(".mail"):
            blueox.set("to", "anna")

    Server().run(app)
    assert counts == [0, 0, 0, 1]
    assert blueox_events.types == ["request", "request.mail"]
    request, mail = blueox_events.all
    assert request["body"]["response_size"] == 12
    assert mail["id"] == request["id"]


def test_an_exception_before_the_answer(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("no cart")

    with pytest.raises(ZeroDivisionError):
        Server().run(app)
    found = blueox_events.one("request")["body"]
    assert found["exception"]["message"] == "no cart"
    assert found["response_status_code"] == 500


def test_an_exception_after_an_answer_of_500(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(500))
        await send(body(b"sorry"))
        raise ZeroDivisionError("no cart")

    with pytest.raises(ZeroDivisionError):
        Server().run(app)
    assert blueox_events.one("request")["body"]["exception"]["message"] == "no cart"


def test_an_exception_after_the_answer_is_an_event_of_its_own(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"fine"))
        raise ZeroDivisionError("no mail")

    with pytest.raises(ZeroDivisionError):
        Server().run(app)
    request, late = blueox_events.all
    assert "exception" not in request["body"]
    assert late["type"] == "request.background"
    assert late["id"] == request["id"]
    assert late["body"]["exception"]["message"] == "no mail"


def test_a_client_that_leaves(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"x", more=True))
        assert (await receive())["type"] == "http.disconnect"

    Server({"type": "http.disconnect"}).run(app)
    found = blueox_events.one("request")["body"]
    assert found["disconnected"] is True
    assert found["response_size"] == 1


def test_a_client_that_leaves_after_the_answer_has_not_left(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(503))
        await send(body(b"x"))
        await receive()

    Server({"type": "http.disconnect"}).run(app)
    assert "disconnected" not in blueox_events.one("request")["body"]


def test_a_send_that_fails_is_a_client_that_left(blueox_events: Capture) -> None:
    class Gone(Server):
        async def send(self, message: Message) -> None:
            raise OSError("gone")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())

    with pytest.raises(OSError, match="gone"):
        Gone().run(app)
    assert blueox_events.one("request")["body"]["disconnected"] is True


def test_a_request_that_is_cancelled(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def cancel() -> None:
        server = Server()
        task = asyncio.create_task(Middleware(app)(server.scope, server.receive, server.send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    event = blueox_events.one("request")
    assert event["outcome"] == "cancelled"
    assert "exception" not in event["body"]


def test_requests_at_the_same_time_do_not_mix(blueox_events: Capture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for n in range(3):
            blueox.set(f"step{n}", scope["path"])
            await asyncio.sleep(0)
        await asyncio.to_thread(blueox.set, "thread", scope["path"])
        await asyncio.create_task(child(scope["path"]))
        await send(start())

    async def child(path: str) -> None:
        blueox.set("task", path)

    async def both() -> None:
        servers = [Server(path=f"/{n}") for n in range(10)]
        await asyncio.gather(*(Middleware(app)(one.scope, one.receive, one.send) for one in servers))

    asyncio.run(both())
    for event in blueox_events.of("request"):
        path = event["body"]["path"]
        assert {event["body"][key] for key in ("step0", "step1", "step2", "thread", "task")} == {path}
    assert len(blueox_events.of("request")) == 10


def test_other_scopes_pass(blueox_events: Capture) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    Server(type="lifespan").run(app)
    assert seen == ["lifespan"]
    assert blueox_events.all == []


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    blueox.set("room", 7)
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        blueox.set("left", True)


async def refuse(websocket: WebSocket) -> None:
    await websocket.close(4001)


@pytest.fixture
def client() -> Iterator[TestClient]:
    async def broken(request: Request) -> PlainTextResponse:
        raise ZeroDivisionError("no cart")

    async def later(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok", background=BackgroundTask(fail_later))

    def fail_later() -> None:
        raise ZeroDivisionError("no mail")

    app = Starlette(
        routes=[
            Route("/broken", broken),
            Route("/later", later),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/refuse", refuse),
        ]
    )
    app.add_middleware(Middleware)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_websocket_is_one_event(client: TestClient, blueox_events: Capture) -> None:
    with client.websocket_connect("/echo") as websocket:
        for text in ("a", "b"):
            websocket.send_text(text)
            assert websocket.receive_text() == text
        websocket.close(1001)
    wait_for("the application to see it", lambda: blueox_events.of("websocket"), 60)
    found = blueox_events.one("websocket")["body"]
    expected = {
        "path": "/echo",
        "accepted": True,
        "room": 7,
        "messages_received": 2,
        "messages_sent": 2,
        "close_code": 1001,
    }
    assert {key: found[key] for key in expected} == expected
    assert found["left"] is True


def test_a_websocket_that_is_refused(client: TestClient, blueox_events: Capture) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/refuse"):
        pass
    wait_for("the application to be done", lambda: blueox_events.of("websocket"), 60)
    found = blueox_events.one("websocket")["body"]
    assert found["accepted"] is False
    assert found["close_code"] == 4001


def test_starlette_answers_500_outside_of_us(client: TestClient, blueox_events: Capture) -> None:
    assert client.get("/broken").status_code == 500
    found = blueox_events.one("request")["body"]
    assert found["exception"]["message"] == "no cart"
    assert found["response_status_code"] == 500


def test_starlettes_background_tasks_come_after_the_event(client: TestClient, blueox_events: Capture) -> None:
    client.get("/later")
    assert blueox_events.types == ["request", "request.background"]


def test_fastapi(blueox_events: Capture) -> None:
    app = FastAPI()
    app.add_middleware(Middleware, name="shop.request")

    @app.get("/carts/{number}")
    def cart(number: int) -> dict[str, int]:  # runs in a thread
        blueox.set("cart", number)
        return {"cart": number}

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(410)

    @app.get("/rows")
    async def rows() -> StreamingResponse:
        async def stream() -> AsyncIterator[str]:
            for n in range(3):
                blueox.add("rows", 1)
                yield f"{n}\n"

        return StreamingResponse(stream())

    client = TestClient(app)
    assert client.get("/carts/7").json() == {"cart": 7}
    assert client.get("/gone").status_code == 410
    assert client.get("/rows").text == "0\n1\n2\n"
    first, second, third = (event["body"] for event in blueox_events.of("shop.request"))
    assert first["cart"] == 7
    assert first["route"] == "/carts/{number}"
    assert first["endpoint"].endswith("cart")
    assert second["response_status_code"] == 410
    assert "exception" not in second
    assert third["rows"] == 3
    assert third["response_size"] == 6
