"""Requests: an event for each request that a session sends, redirects each by itself; the id goes along (W3C `traceparent`).

::

    session = blueox.contrib.requests.record(requests.Session())
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import BaseAdapter

from .outgoing_request import NAME, TRACEPARENT, OutgoingRequest

__all__ = ["Adapter", "record"]


def record(session: requests.Session, name: str = NAME) -> requests.Session:
    """Records what `session` sends from now on, and gives it back. Adapters that are mounted later are not wrapped; a second
    call changes nothing.
    """
    for prefix, adapter in list(session.adapters.items()):
        if not isinstance(adapter, Adapter):
            session.mount(prefix, Adapter(adapter, name))
    return session


class Adapter(BaseAdapter):
    """Records what goes through `inner`. The event ends with the answer's last byte; where the body is streamed, with its
    head.
    """

    def __init__(self, inner: BaseAdapter, name: str = NAME) -> None:
        super().__init__()
        self.inner = inner
        self.name = name

    def send(  # noqa: PLR0917 - as the adapters it stands for
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Sends one request."""
        length = str(request.headers.get("Content-Length", ""))
        size = int(length) if length.isdigit() else None
        outgoing = OutgoingRequest(self.name, request.method, request.url or "", size)
        if outgoing.traceparent is not None:
            request.headers[TRACEPARENT] = outgoing.traceparent
        try:
            response = self.inner.send(request, stream, timeout, verify, cert, proxies)
            outgoing.answered(response.status_code)
            outgoing.end(None if stream else len(response.content))
        except BaseException as error:
            outgoing.fail(error)
            raise
        return response

    def close(self) -> None:
        """Closes `inner`."""
        self.inner.close()
