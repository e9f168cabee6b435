"""What `blueox.tornado_utils` gives, once it is asked for: only who uses it needs Tornado."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, ClassVar

import tornado.autoreload
import tornado.gen
import tornado.httpclient
import tornado.ioloop
import tornado.simple_httpclient
import tornado.web

import blueox
from blueox import Context

__all__ = [
    "AsyncHTTPClient",
    "BlueOxRequestHandlerMixin",
    "SampleRequestHandler",
    "coroutine",
    "install",
    "wrap_exception",
    "wrap_execute",
    "wrap_finish",
]

_installed: list[bool] = []


def install() -> None:
    """Sends what is on its way before `tornado.autoreload` replaces the process. Any number of calls count as one.

    The original's replaced parts of Tornado here, which Tornado 6 needs no more: handlers work without it.
    """
    if not _installed:
        _installed.append(True)
        tornado.autoreload.add_reload_hook(blueox.shutdown)


class BlueOxRequestHandlerMixin(tornado.web.RequestHandler):
    """Gives each request a context: `self.blueox`, or `self.blueox_ctx`. It is current from `prepare` on, and ends with the answer.

    `blueox_name` is the event's type. A request that brings a W3C `traceparent` goes on with that id.
    """

    blueox_name = "request"
    blueox: Context | None = None

    @property
    def blueox_ctx(self) -> Context | None:
        """The request's context, under its later name."""
        return self.blueox

    def prepare(self) -> Awaitable[None] | None:
        """Opens the context, unless `wrap_execute` has."""
        if self.blueox is None:
            self.blueox = _open(self)
        return super().prepare()

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Records what a handler raised, but for answers below 500, which are no failures."""
        is_answer = isinstance(value, tornado.web.HTTPError) and value.status_code < 500
        is_end = isinstance(value, tornado.web.Finish)
        if self.blueox is not None and value is not None and not is_answer and not is_end:
            self.blueox.record_exception(value)
        super().log_exception(typ, value, tb)

    def on_connection_close(self) -> None:
        """Records that the client left before its answer was whole. A handler that nobody finishes then ends here."""
        if self.blueox is not None:
            self.blueox.set("disconnected", True)
            if not self._auto_finish:
                self.blueox.done()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Ends the event. The context stays readable: what comes late finds it done."""
        super().on_finish()
        if self.blueox is not None:
            self.blueox.done()


class SampleRequestHandler(BlueOxRequestHandlerMixin):
    """Records `method`, `uri`, `headers`, `client_ip`, `response_status_code`, `response_size`, and the `exception` behind a failure."""

    def prepare(self) -> Awaitable[None] | None:
        """Records what the request says of itself."""
        result = super().prepare()
        self._describe_request()
        return result

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        """Counts what is written."""
        super().write(chunk)
        if self.blueox is not None and self._write_buffer:
            self.blueox.add("response_size", len(self._write_buffer[-1]))

    def on_finish(self) -> None:
        """Records the answer. A request that was refused before `prepare` gets its event here."""
        if self.blueox is None:
            self.blueox = _open(self)
            self._describe_request()
        self.blueox.set("response_status_code", self.get_status())
        super().on_finish()

    def _describe_request(self) -> None:
        context, request = self.blueox, self.request
        if context is not None:
            context.set("method", request.method)
            context.set("uri", request.uri)
            context.set("headers", dict(request.headers))
            context.set("client_ip", request.remote_ip)


def _open(handler: BlueOxRequestHandlerMixin) -> Context:
    context = Context(handler.blueox_name, traceparent=handler.request.headers.get("Traceparent"))
    context.start()
    return context


def coroutine(func: Callable[..., Any]) -> Callable[..., Any]:
    """`tornado.gen.coroutine` for methods of an object with a `blueox_ctx` or `blueox`: they run in that context, whoever calls them."""
    if inspect.iscoroutinefunction(func):

        @functools.wraps(func)
        async def entered(*args: Any, **kwargs: Any) -> Any:
            context = _context_of(args)
            if context is None:
                return await func(*args, **kwargs)
            context.start()
            try:
                return await func(*args, **kwargs)
            finally:
                context.stop()

        return entered

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        context = _context_of(args)
        if context is not None:
            context.start()  # all steps of a coroutine have a copy of the caller's context variables: nothing to undo
        return func(*args, **kwargs)

    return tornado.gen.coroutine(wrapper)


def _context_of(args: tuple[Any, ...]) -> Context | None:
    owner = args[0] if args else None
    context = getattr(owner, "blueox_ctx", None) or getattr(owner, "blueox", None)
    return context if isinstance(context, Context) else None


def wrap_execute(type_name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a handler's `_execute`, as handlers of 2012 were built: opens `self.blueox` of that type around it."""

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            self.blueox = Context(type_name)
            self.blueox.start()
            try:
                return await func(self, *args, **kwargs)
            finally:
                self.blueox.stop()

        return wrapper

    return decorate


def wrap_exception(func: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a handler's method inside of `self.blueox`."""

    @functools.wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.blueox.start()
        try:
            return func(self, *args, **kwargs)
        finally:
            self.blueox.stop()

    return wrapper


def wrap_finish(func: Callable[..., Any]) -> Callable[..., Any]:
    """For a handler's `finish`: ends `self.blueox` after it."""

    @functools.wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return func(self, *args, **kwargs)
        finally:
            self.blueox.done()

    return wrapper


class AsyncHTTPClient(tornado.simple_httpclient.SimpleAsyncHTTPClient):
    """Tornado's client with an event for each request: `request.uri`, `request.method`, `request.size`, `response.code`
    (599: none came), `response.size`. The id goes along (W3C `traceparent`).
    """

    blueox_name = ".httpclient"

    # Tornado keeps one client a loop under the class's bare name: without this its own client would be found in our place.
    _async_client_dict_AsyncHTTPClient: ClassVar[
        weakref.WeakKeyDictionary[tornado.ioloop.IOLoop, tornado.httpclient.AsyncHTTPClient]
    ] = weakref.WeakKeyDictionary()

    def fetch_impl(
        self,
        request: tornado.httpclient.HTTPRequest,
        callback: Callable[[tornado.httpclient.HTTPResponse], None],
    ) -> None:
        """Makes one request."""
        context = Context(self.blueox_name)
        context.set("request.uri", request.url)
        context.set("request.method", request.method)
        context.set("request.size", len(request.body) if request.body else 0)
        if context.traceparent is not None:
            request.headers["Traceparent"] = context.traceparent

        def complete(response: tornado.httpclient.HTTPResponse) -> None:
            context.set("response.code", response.code)
            context.set("response.size", len(response.body) if response.body else 0)
            if response.code == 599 and response.error is not None:
                context.record_exception(response.error)
            context.done()  # before the caller goes on
            callback(response)

        try:
            super().fetch_impl(request, complete)
        except BaseException as error:
            context.record_exception(error)
            context.done()
            raise
