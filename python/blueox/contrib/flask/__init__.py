"""Flask: an event for each request, until the last byte of its answer.

::

    app = flask.Flask(__name__)
    blueox.contrib.flask.BlueOxMiddleware(app)

`app.config["BLUEOX_HOST"]` says where events go (empty: nowhere; not there: as `blueox.configure` or the environment says),
`app.config["BLUEOX_NAME"]` what stands before `.request` in the event's type.
"""

from __future__ import annotations

from typing import Any

import flask
from flask import got_request_exception, request

import blueox
from blueox.contrib import wsgi
from blueox.contrib.destination import UNSET, configure_from, prefixed

__all__ = ["BlueOxMiddleware"]


class BlueOxMiddleware:
    """Records the requests of `app`: what blueox.contrib.wsgi.Middleware records, and `url`, `endpoint`, `route`, and `user`,
    `version`, `revision` where the application puts them on `flask.request`. The context is `flask.request.blueox`.
    """

    def __init__(self, app: flask.Flask | None = None) -> None:
        self.app = app
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """For an application that is made later."""
        self.app = app
        configure_from(app.config.get("BLUEOX_HOST", UNSET))
        name = prefixed(app.config.get("BLUEOX_NAME"), "request")
        app.wsgi_app = wsgi.Middleware(app.wsgi_app, name)  # type: ignore[method-assign]
        app.before_request(self.before_request)
        app.after_request(self.after_request)
        got_request_exception.connect(self.handle_exception, app)

    def before_request(self) -> None:
        """Puts the context on the request, and what routing found into the event."""
        context = _context()
        if context is None:
            return
        request.blueox = context  # type: ignore[attr-defined]
        context.set("url", request.url)
        if request.endpoint is not None:
            context.set("endpoint", request.endpoint)
        if request.url_rule is not None:
            context.set("route", request.url_rule.rule)

    def after_request(self, response: flask.Response) -> flask.Response:
        """Records what the application put on the request meanwhile, and ends the event unless the body is still to be made."""
        context = _context()
        if context is not None:
            user = getattr(request, "user", None)
            if user is not None:
                context.set("user", getattr(user, "id", user))
            for key in ("version", "revision"):
                if hasattr(request, key):
                    context.set(key, getattr(request, key))
            if not response.is_streamed:
                context.set("response_status_code", response.status_code)
                context.set("response_size", response.content_length or 0)
                context.done()
        return response

    def handle_exception(self, sender: Any, exception: BaseException, **_: Any) -> None:
        """Records an exception that Flask turns into a 500."""
        context = _context()
        if context is not None:
            context.record_exception(exception)


def _context() -> blueox.Context | None:
    """Nothing where a request was made by hand, as `app.test_request_context()` does."""
    context: blueox.Context | None = request.environ.get(wsgi.CONTEXT_KEY)
    return context
