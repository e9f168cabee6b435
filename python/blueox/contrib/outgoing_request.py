"""A request that the application makes: an event `.httpclient` with the keys that all clients share."""

from __future__ import annotations

import urllib.parse

import blueox

__all__ = ["NAME", "TRACEPARENT", "OutgoingRequest"]

NAME = ".httpclient"
TRACEPARENT = "traceparent"


class OutgoingRequest:
    """One request, from before it is sent until its answer has been read or given up."""

    def __init__(self, name: str, method: str | None, url: str, size: int | None = None) -> None:
        self.context = blueox.Context(name)
        self.context.set("request.method", method)
        self.context.set("request.uri", _without_password(url))
        if size is not None:
            self.context.set("request.size", size)

    @property
    def traceparent(self) -> str | None:
        """What the other side goes on with; None where the id fits into none."""
        return self.context.traceparent

    def answered(self, status: int) -> None:
        """The other side's status has come."""
        self.context.set("response.code", status)

    def fail(self, error: BaseException) -> None:
        """No answer came, or not all of it."""
        self.context.record_exception(error)
        self.context.done()

    def end(self, size: int | None = None) -> None:
        """All is read, or the application wants no more of it."""
        if size is not None:
            self.context.set("response.size", size)
        self.context.done()


def _without_password(url: str) -> str:
    """A URL without the user and password that may stand before its host."""
    if "@" not in url:
        return url
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return url
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
