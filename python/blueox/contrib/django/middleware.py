"""Django: an event for each request, under WSGI and ASGI, for synchronous and asynchronous views.

::

    MIDDLEWARE = ["blueox.contrib.django.middleware.Middleware", ...]  # first: it sees what all others do

`settings.BLUEOX_HOST` says where events go (empty: nowhere; not there: as `blueox.configure` or the environment says),
`settings.BLUEOX_NAME` what stands before `.request` in the event's type.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.functional import SimpleLazyObject, empty

import blueox
from blueox.contrib.body import AsyncBody, Body
from blueox.contrib.destination import UNSET, configure_from, prefixed
from blueox.contrib.wsgi import headers_of

__all__ = ["Middleware"]

GetResponse = Callable[[HttpRequest], Any]


class Middleware:
    """Records `method`, `path`, `uri`, `headers`, `client_ip`, `route`, `response_status_code`, `response_size`,
    `response_headers`, `user` (if something has looked who it is), `version` and `revision` where they stand on the
    request, and the `exception` behind an answer of 500 or above. The context is `request.blueox`. A request that brings a
    W3C `traceparent` goes on with that id.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        configure_from(getattr(settings, "BLUEOX_HOST", UNSET))
        self.name = prefixed(getattr(settings, "BLUEOX_NAME", None), "request")
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answers one request."""
        if self.is_async:
            return self._answer_async(request)
        context = self._begin(request)
        context.start()
        try:
            response: HttpResponseBase = self.get_response(request)
            _end(request, context, response)
            return response
        except BaseException as error:
            _break_off(context, error)
            raise
        finally:
            context.stop()

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        context = self._begin(request)
        context.start()
        try:
            response: HttpResponseBase = await self.get_response(request)
            _end(request, context, response)
            return response
        except BaseException as error:
            _break_off(context, error)
            raise
        finally:
            context.stop()

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keeps the exception until it is known what Django makes of it: a 404 is no failure."""
        request._blueox_exception = exception

    def _begin(self, request: HttpRequest) -> blueox.Context:
        meta = request.META
        context = blueox.Context(self.name, traceparent=meta.get("HTTP_TRACEPARENT"))
        request.blueox = context
        context.set("method", request.method)
        context.set("path", request.path)
        context.set("headers", headers_of(meta))
        context.set("client_ip", meta.get("REMOTE_ADDR"))
        try:
            context.set("uri", request.build_absolute_uri())
        except DisallowedHost:
            context.set("uri", request.get_full_path())
        return context


def _break_off(context: blueox.Context, error: BaseException) -> None:
    context.record_exception(error)
    context.done()


def _end(request: HttpRequest, context: blueox.Context, response: HttpResponseBase) -> None:
    """Records what is known now; the event ends here, or with the last byte of a streamed body."""
    user = _known_user(request)
    if user is not None:
        context.set("user", user)
    for key in ("version", "revision"):
        if hasattr(request, key):
            context.set(key, getattr(request, key))
    if request.resolver_match is not None:
        context.set("route", request.resolver_match.route)
    context.set("response_status_code", response.status_code)
    context.set("response_headers", dict(response.items()))
    exception = getattr(request, "_blueox_exception", None)
    if exception is not None and response.status_code >= 500:
        context.record_exception(exception)
    if isinstance(response, FileResponse) or not isinstance(response, StreamingHttpResponse):
        # a file is sent by the server itself, which must get it as it is
        size = response.get("Content-Length") if response.streaming else len(getattr(response, "content", b""))
        if size is not None:
            context.set("response_size", int(size))
        context.done()
    elif response.is_async:
        response.streaming_content = AsyncBody(context, _inner(response))
    else:
        response.streaming_content = Body(context, _inner(response))


def _inner(response: StreamingHttpResponse) -> Any:
    return response.streaming_content


def _known_user(request: HttpRequest) -> object:
    """The id of the user, if something has looked: to look here would ask the database, and make every answer vary by
    cookie.
    """
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject) and inspect.getattr_static(user, "_wrapped", empty) is empty:
        return None
    return getattr(user, "id", None)
