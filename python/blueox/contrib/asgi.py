"""ASGI: an event for each request, until the last byte of its answer, and one for each websocket. Needs no framework.

::

    app.add_middleware(blueox.contrib.asgi.Middleware)  # FastAPI, Starlette
    application = blueox.contrib.asgi.Middleware(application)  # any
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import blueox

__all__ = ["Middleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Middleware:
    """Wraps an ASGI application.

    Each event has `method`, `path`, `headers`, `client_ip`, `response_status_code`, `response_size`, `request_size`;
    `route` and `endpoint` where the framework tells them; `disconnected` when the client left before the answer was
    whole; `exception` when one left the application. A websocket is one event: `messages_received`, `messages_sent`,
    `accepted`, `close_code`. A request that brings a W3C `traceparent` goes on with that id.

    An event ends with its answer. What the application does afterwards (background tasks) belongs to the same id: contexts that it
    opens are recorded, and an exception becomes an event of its own, `<name>.background`.
    """

    def __init__(self, app: App, name: str = "request", websocket_name: str = "websocket") -> None:
        self.app = app
        self.name = name
        self.websocket_name = websocket_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or serves one websocket."""
        if scope["type"] == "http":
            await _run(self.app, _Request(self.name, scope, receive, send))
        elif scope["type"] == "websocket":
            await _run(self.app, _Websocket(self.websocket_name, scope, receive, send))
        else:
            await self.app(scope, receive, send)


async def _run(app: App, exchange: _Exchange) -> None:
    context = exchange.context
    context.start()
    try:
        await app(exchange.scope, exchange.receive, exchange.send)
    except asyncio.CancelledError as cancelled:
        exchange.end(cancelled)
        raise
    except BaseException as error:
        exchange.fail(error)
        raise
    else:
        exchange.end()
    finally:
        context.stop()


class _Exchange:
    """What goes back and forth between server and application."""

    def __init__(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope.get("headers") or ())
        self.context = blueox.Context(name, traceparent=headers.get("traceparent"))
        self.scope = scope
        self._receive = receive
        self._send = send
        self.has_ended = False
        self._describe(headers)

    def _describe(self, headers: dict[str, str]) -> None:
        scope, context = self.scope, self.context
        context.set("path", _path(scope))
        if scope.get("query_string"):
            context.set("query_string", _text(scope["query_string"]))
        context.set("headers", headers)
        if scope.get("client"):
            context.set("client_ip", scope["client"][0])

    async def receive(self) -> Message:
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        raise NotImplementedError

    def _summarise(self) -> None:
        raise NotImplementedError

    def end(self, cancelled: BaseException | None = None) -> None:
        """Records the event, once."""
        if self.has_ended:
            return
        self.has_ended = True
        self._name_route()
        self._summarise()
        if cancelled is not None:
            self.context.__exit__(type(cancelled), cancelled, cancelled.__traceback__)
        else:
            self.context.done()

    def fail(self, error: BaseException) -> None:
        """Records `error` with the event, or as an event of its own when that has been recorded."""
        if self.has_ended:
            self.context.start()
            late = blueox.Context(".background")
            late.record_exception(error)
            late.done()
            self.context.stop()
            return
        self.context.record_exception(error)
        self.end()

    def _name_route(self) -> None:
        """Frameworks leave in the scope what they found for the path."""
        route = self.scope.get("route")
        path = getattr(route, "path", None)
        if isinstance(path, str):
            self.context.set("route", path)
        endpoint = self.scope.get("endpoint")
        name = getattr(endpoint, "__qualname__", None)
        if isinstance(name, str):
            self.context.set("endpoint", f"{getattr(endpoint, '__module__', '')}.{name}")


class _Request(_Exchange):
    status: int | None = None
    request_size = 0
    response_size = 0
    is_whole = False

    def _describe(self, headers: dict[str, str]) -> None:
        self.context.set("method", self.scope.get("method"))
        super()._describe(headers)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.request_size += len(message.get("body", b""))
        elif message["type"] == "http.disconnect" and not self.is_whole:
            self.context.set("disconnected", True)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        try:
            await self._send(message)
        except OSError:
            self.context.set("disconnected", True)
            raise
        if message["type"] == "http.response.body":
            self.response_size += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
        # frameworks answer 500 first and raise then: such an event waits for its exception
        if self.is_whole and (self.status or 0) < 500 and not self.has_ended:
            self.end()
            self.context.start()  # what comes later belongs to the same id

    def fail(self, error: BaseException) -> None:
        """An exception that leaves the application before it answers becomes the server's 500."""
        if self.status is None:
            self.status = 500
        super().fail(error)

    def _summarise(self) -> None:
        if self.status is not None:
            self.context.set("response_status_code", self.status)
        self.context.set("response_size", self.response_size)
        if self.request_size:
            self.context.set("request_size", self.request_size)


class _Websocket(_Exchange):
    received = 0
    sent = 0
    is_accepted = False
    close_code: int | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self.received += 1
        elif message["type"] == "websocket.disconnect":
            self.close_code = message.get("code", 1005)
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "websocket.accept":
            self.is_accepted = True
        elif message["type"] == "websocket.send":
            self.sent += 1
        elif message["type"] == "websocket.close":
            self.close_code = message.get("code", 1000)
        elif message["type"] == "websocket.http.response.start":  # refused with an answer
            self.context.set("response_status_code", message["status"])

    def _summarise(self) -> None:
        self.context.set("accepted", self.is_accepted)
        self.context.set("messages_received", self.received)
        self.context.set("messages_sent", self.sent)
        if self.close_code is not None:
            self.context.set("close_code", self.close_code)


def _path(scope: Scope) -> str:
    """The whole path; not all servers put the mount point into it."""
    path, root = str(scope.get("path") or ""), str(scope.get("root_path") or "")
    return path if path.startswith(root) else root + path


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = _text(name).lower(), _text(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
