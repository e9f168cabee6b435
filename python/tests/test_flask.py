"""`blueox.contrib.flask`."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import flask
import pytest

import blueox
from blueox.contrib.flask import BlueOxMiddleware
from blueox.testing import Capture

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def app(blueox_events: Capture) -> flask.Flask:
    app = flask.Flask("shop")
    BlueOxMiddleware(app)

    @app.get("/cart/<int:number>")
    def cart(number: int) -> str:
        blueox.set("cart", number)
        with blueox.Context(".sql"):
            blueox.set("query", "SELECT 1")
        return "seven"

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("no cart")

    @app.get("/gone")
    def gone() -> str:
        flask.abort(410)

    @app.get("/rows")
    def rows() -> flask.Response:
        def stream() -> Iterator[str]:
            for n in range(3):
                blueox.add("rows", 1)
                yield f"{n}\n"

        return flask.Response(stream())

    return app


def test_a_request_is_an_event(app: flask.Flask, blueox_events: Capture) -> None:
    answer = app.test_client().get("/cart/7?full=1", headers={"User-Agent": "probe", "Authorization": "Bearer x"})
    assert answer.text == "seven"
    assert blueox_events.types == ["request.sql", "request"]
    event = blueox_events.one("request")
    body = event["body"]
    assert blueox_events.one("request.sql")["id"] == event["id"]
    expected = {"method": "GET", "path": "/cart/7", "cart": 7, "endpoint": "cart", "route": "/cart/<int:number>"}
    assert {key: body[key] for key in expected} == expected
    assert body["url"].endswith("/cart/7?full=1")
    assert body["client_ip"] == "127.0.0.1"
    assert body["headers"]["HTTP_USER_AGENT"] == "probe"
    assert body["headers"]["HTTP_AUTHORIZATION"] == "[scrubbed]"
    assert body["response_status_code"] == 200
    assert body["response_size"] == 5


def test_the_context_is_started(app: flask.Flask, blueox_events: Capture) -> None:
    """The original's was made and never started: nothing that a view set arrived."""
    inside: list[Any] = []

    @app.get("/inside")
    def view() -> str:
        inside.append((blueox.current_context(), flask.request.blueox))  # type: ignore[attr-defined]
        return ""

    app.test_client().get("/inside")
    ((current, on_request),) = inside
    assert current is not None
    assert current is on_request
    assert current.name == "request"
    assert blueox.current_context() is None


def test_an_exception_is_recorded(app: flask.Flask, blueox_events: Capture) -> None:
    with app.test_client().get("/broken") as answer:
        assert answer.status_code == 500
    body = blueox_events.one("request")["body"]
    assert body["exception"]["message"] == "no cart"
    assert body["response_status_code"] == 500


def test_an_exception_that_goes_through_is_recorded(app: flask.Flask, blueox_events: Capture) -> None:
    app.testing = True
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/broken")
    assert blueox_events.one("request")["body"]["exception"]["message"] == "no cart"


@pytest.mark.parametrize(("path", "status"), [("/gone", 410), ("/nowhere", 404)])
def test_an_answer_below_500_is_no_exception(app: flask.Flask, blueox_events: Capture, path: str, status: int) -> None:
    with app.test_client().get(path) as answer:
        assert answer.status_code == status
    body = blueox_events.one("request")["body"]
    assert body["response_status_code"] == status
    assert "exception" not in body


def test_a_streamed_body_is_part_of_the_event(app: flask.Flask, blueox_events: Capture) -> None:
    assert app.test_client().get("/rows").text == "0\n1\n2\n"
    body = blueox_events.one("request")["body"]
    assert body["rows"] == 3
    assert body["response_size"] == 6


def test_it_goes_on_with_a_traceparent(app: flask.Flask, blueox_events: Capture) -> None:
    app.test_client().get("/cart/1", headers={"Traceparent": TRACEPARENT})
    assert blueox_events.one("request")["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_what_the_application_puts_on_the_request(app: flask.Flask, blueox_events: Capture) -> None:
    @app.before_request
    def login() -> None:
        flask.request.user = SimpleNamespace(id=42)  # type: ignore[attr-defined]
        flask.request.version = "1.2"  # type: ignore[attr-defined]

    app.test_client().get("/cart/1")
    body = blueox_events.one("request")["body"]
    assert body["user"] == 42
    assert body["version"] == "1.2"


def test_a_name_before_the_type(blueox_events: Capture) -> None:
    app = flask.Flask("shop")
    app.config["BLUEOX_NAME"] = "shop"
    BlueOxMiddleware().init_app(app)
    with app.test_client().get("/"):
        pass
    assert blueox_events.types == ["shop.request"]


def test_a_request_that_is_made_by_hand(app: flask.Flask, blueox_events: Capture) -> None:
    with app.test_request_context("/cart/1"):
        app.preprocess_request()
        app.process_response(flask.Response())
    assert blueox_events.all == []


def test_an_empty_host_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(blueox, "configure", lambda *args: calls.append(("configure", *args)))
    monkeypatch.setattr(blueox, "default_configure", lambda *args: calls.append(("default", *args)))
    for setting in ({"BLUEOX_HOST": ""}, {"BLUEOX_HOST": "collector:3514"}):
        app = flask.Flask("shop")
        app.config.update(setting)
        BlueOxMiddleware(app)
    assert calls == [("configure", None, None), ("default", "collector:3514")]


@pytest.mark.parametrize("is_configured", [True, False])
def test_without_a_setting_the_applications_own_configuration_stays(
    monkeypatch: pytest.MonkeyPatch, is_configured: bool
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(blueox, "is_configured", lambda: is_configured)
    monkeypatch.setattr(blueox, "default_configure", lambda *args: calls.append(args))
    BlueOxMiddleware(flask.Flask("shop"))
    assert len(calls) == (0 if is_configured else 1)
