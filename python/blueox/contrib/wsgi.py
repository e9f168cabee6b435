"""WSGI: an event for each request, until the last byte of its answer.

::

    application = blueox.contrib.wsgi.Middleware(application)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import blueox

from .body import Body

__all__ = ["CONTEXT_KEY", "Middleware", "headers_of"]

# The request's context in its environ.
CONTEXT_KEY = "blueox.context"

Environ = dict[str, Any]
Write = Callable[[bytes], object]


class Middleware:
    """Wraps a WSGI application. Each event has `method`, `path`, `query_string`, `headers`, `client_ip`,
    `response_status_code`, `response_size`, and `exception` when one left the application. A request that brings a W3C
    `traceparent` goes on with that id.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], name: str = "request") -> None:
        self.app = app
        self.name = name

    def __call__(self, environ: Environ, start_response: Callable[..., Write]) -> Iterable[bytes]:
        """Answers one request."""
        context = blueox.Context(self.name, traceparent=environ.get("HTTP_TRACEPARENT"))
        environ[CONTEXT_KEY] = context
        context.start()
        describe(context, environ)
        answer = _Answer(context, start_response)
        try:
            chunks = self.app(environ, answer.start)
            file_wrapper = environ.get("wsgi.file_wrapper")
            if isinstance(file_wrapper, type) and isinstance(chunks, file_wrapper):
                context.done()  # the server sends the file by itself: it must get what it knows
                return chunks
            return _WsgiBody(context, chunks, answer)
        except BaseException as error:
            if not answer.is_started:
                context.set("response_status_code", 500)
            context.record_exception(error)
            context.done()
            raise
        finally:
            context.stop()


class _Answer:
    """What the application says of its answer."""

    def __init__(self, context: blueox.Context, start_response: Callable[..., Write]) -> None:
        self._context = context
        self._start_response = start_response
        self.is_started = False
        self.written = 0

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Write:
        self.is_started = True
        self._context.set("response_status_code", _status_code(status))
        # servers need not take the third argument when there is nothing in it
        rest = () if exc_info is None else (exc_info,)
        write = self._start_response(status, headers, *rest)

        def counted(chunk: bytes) -> object:
            self.written += len(chunk)
            return write(chunk)

        return counted


class _WsgiBody(Body):
    def __init__(self, context: blueox.Context, chunks: Iterable[bytes], answer: _Answer) -> None:
        self._answer = answer
        super().__init__(context, chunks)

    def _end(self) -> None:
        self.size += self._answer.written
        self._answer.written = 0
        super()._end()


def _status_code(status: str) -> int | str:
    return int(status[:3]) if status[:3].isdigit() else status


def describe(context: blueox.Context, environ: Environ) -> None:
    """Records what the request says of itself."""
    context.set("method", environ.get("REQUEST_METHOD"))
    context.set("path", path_of(environ))
    context.set("headers", headers_of(environ))
    context.set("client_ip", environ.get("REMOTE_ADDR"))
    if environ.get("QUERY_STRING"):
        context.set("query_string", environ["QUERY_STRING"])


def path_of(environ: Environ) -> str:
    """The whole path, mount point included, as text."""
    raw = str(environ.get("SCRIPT_NAME") or "") + str(environ.get("PATH_INFO") or "")
    # WSGI hands bytes over as latin-1
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def headers_of(environ: Environ) -> dict[str, Any]:
    """The request's headers under their names in the environ, as `HTTP_USER_AGENT`."""
    alone = ("CONTENT_LENGTH", "CONTENT_TYPE")
    return {key: value for key, value in environ.items() if key.startswith("HTTP_") or (key in alone and value)}
