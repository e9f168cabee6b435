"""HTTPX: an event for each request that a client sends, redirects each by itself, and its id for the other side (W3C `traceparent`).

::

    with httpx.Client() as client:
        blueox.contrib.httpx.record(client)  # httpx.AsyncClient too

    httpx.Client(transport=blueox.contrib.httpx.Transport(httpx.HTTPTransport(retries=1)))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

import httpx

from .outgoing_request import NAME, TRACEPARENT, OutgoingRequest

__all__ = ["AsyncTransport", "Transport", "record"]

AnyClient = TypeVar("AnyClient", httpx.Client, httpx.AsyncClient)


def record(client: AnyClient, name: str = NAME) -> AnyClient:
    """Records what `client` sends from now on, through proxies too, and gives it back. A second call changes nothing."""
    if isinstance(client, httpx.Client):
        client._transport = _recording(client._transport, name)
        client._mounts = {key: inner and _recording(inner, name) for key, inner in client._mounts.items()}
    elif isinstance(client, httpx.AsyncClient):
        client._transport = _recording_async(client._transport, name)
        client._mounts = {key: inner and _recording_async(inner, name) for key, inner in client._mounts.items()}
    else:
        raise TypeError(
            f"blueox.contrib.httpx.record needs an httpx.Client or AsyncClient, not {type(client).__module__}.{type(client).__name__}"
        )
    return client


def _recording(inner: httpx.BaseTransport, name: str) -> httpx.BaseTransport:
    return inner if isinstance(inner, Transport) else Transport(inner, name)


def _recording_async(inner: httpx.AsyncBaseTransport, name: str) -> httpx.AsyncBaseTransport:
    return inner if isinstance(inner, AsyncTransport) else AsyncTransport(inner, name)


def _begin(request: httpx.Request, name: str) -> OutgoingRequest:
    length = request.headers.get("content-length", "")
    size = int(length) if length.isdigit() else None
    outgoing = OutgoingRequest(name, request.method, str(request.url), size)
    if outgoing.traceparent is not None:
        request.headers[TRACEPARENT] = outgoing.traceparent
    return outgoing


class Transport(httpx.BaseTransport):
    """Records what goes through `inner`."""

    def __init__(self, inner: httpx.BaseTransport | None = None, name: str = NAME) -> None:
        self.inner = inner if inner is not None else httpx.HTTPTransport()
        self.name = name

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request."""
        outgoing = _begin(request, self.name)
        try:
            response = self.inner.handle_request(request)
        except BaseException as error:
            outgoing.fail(error)
            raise
        outgoing.answered(response.status_code)
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Stream(response.stream, outgoing)
        return response

    def close(self) -> None:
        """Closes `inner`."""
        self.inner.close()


class AsyncTransport(httpx.AsyncBaseTransport):
    """Records what goes through `inner`."""

    def __init__(self, inner: httpx.AsyncBaseTransport | None = None, name: str = NAME) -> None:
        self.inner = inner if inner is not None else httpx.AsyncHTTPTransport()
        self.name = name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends one request."""
        outgoing = _begin(request, self.name)
        try:
            response = await self.inner.handle_async_request(request)
        except BaseException as error:
            outgoing.fail(error)
            raise
        outgoing.answered(response.status_code)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _AsyncStream(response.stream, outgoing)
        return response

    async def aclose(self) -> None:
        """Closes `inner`."""
        await self.inner.aclose()


class _Stream(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, outgoing: OutgoingRequest) -> None:
        self._inner = inner
        self._outgoing = outgoing
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self._size += len(chunk)
                yield chunk
        except Exception as error:
            self._outgoing.context.record_exception(error)
            raise

    def close(self) -> None:
        self._inner.close()
        self._outgoing.end(self._size)


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, outgoing: OutgoingRequest) -> None:
        self._inner = inner
        self._outgoing = outgoing
        self._size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                self._size += len(chunk)
                yield chunk
        except Exception as error:
            self._outgoing.context.record_exception(error)
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()
        self._outgoing.end(self._size)
