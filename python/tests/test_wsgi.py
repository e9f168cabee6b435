"""`blueox.contrib.wsgi`, under the standard library's reference server."""

from __future__ import annotations

import io
import wsgiref.util
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.validate import validator

import pytest

import blueox
from blueox.contrib.wsgi import Middleware
from blueox.testing import Capture

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Start = Callable[..., Any]


def serve(app: Any, **environ: str) -> bytes:
    """One request by the reference handler, which closes bodies as servers do."""
    scope: dict[str, Any] = {"REMOTE_ADDR": "10.0.0.1", "QUERY_STRING": "", **environ}
    scope.setdefault("SCRIPT_NAME", "")
    wsgiref.util.setup_testing_defaults(scope)
    output, errors = io.BytesIO(), io.StringIO()
    SimpleHandler(io.BytesIO(), output, errors, scope).run(app)
    print(errors.getvalue())
    return output.getvalue()


def hello(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    blueox.set("cart", 7)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello ", b"world"]


def test_a_request_is_an_event(blueox_events: Capture) -> None:
    answer = serve(
        validator(Middleware(validator(hello))), PATH_INFO="/cart", HTTP_USER_AGENT="probe", HTTP_COOKIE="s=1"
    )
    assert answer.endswith(b"hello world")
    body = blueox_events.one("request")["body"]
    assert body["method"] == "GET"
    assert body["path"] == "/cart"
    assert body["client_ip"] == "10.0.0.1"
    assert body["headers"]["HTTP_USER_AGENT"] == "probe"
    assert body["headers"]["HTTP_COOKIE"] == "[scrubbed]"
    assert body["response_status_code"] == 200
    assert body["response_size"] == 11
    assert body["cart"] == 7
    assert blueox.current_context() is None


def test_it_goes_on_with_a_traceparent(blueox_events: Capture) -> None:
    serve(Middleware(hello), HTTP_TRACEPARENT=TRACEPARENT)
    event = blueox_events.one("request")
    assert event["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert event["parent"] == "00f067aa0ba902b7"


def test_a_traceparent_that_is_none_is_ignored(blueox_events: Capture) -> None:
    serve(Middleware(hello), HTTP_TRACEPARENT="00-" + "0" * 32)
    assert blueox_events.one("request")["id"] != "0" * 32


def test_a_streamed_body_is_inside_of_the_context_until_its_last_byte(blueox_events: Capture) -> None:
    seen: list[int] = []

    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        for n in range(3):
            with blueox.Context(".row"):
                blueox.set("n", n)
            seen.append(len(blueox_events.of("request")))
            yield b"row\n"
        blueox.set("rows", 3)

    serve(Middleware(app))
    assert seen == [0, 0, 0]
    assert blueox_events.types == ["request.row"] * 3 + ["request"]
    body = blueox_events.one("request")["body"]
    assert body["rows"] == 3
    assert body["response_size"] == 12


def test_requests_whose_bodies_interleave_do_not_mix(blueox_events: Capture) -> None:
    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        for n in range(2):
            blueox.set(f"step{n}", environ["PATH_INFO"])
            yield b"x"

    bodies = [iter(Middleware(app)({"PATH_INFO": path}, lambda *_: None)) for path in ("/a", "/b")]
    for _ in range(2):
        for body in bodies:
            next(body)
    assert blueox.current_context() is None
    for body in bodies:
        body.close()  # type: ignore[attr-defined]
    steps = {
        event["body"]["path"]: (event["body"]["step0"], event["body"]["step1"]) for event in blueox_events.of("request")
    }
    assert steps == {"/a": ("/a", "/a"), "/b": ("/b", "/b")}


def test_an_exception_is_recorded_and_goes_on(blueox_events: Capture) -> None:
    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        raise ZeroDivisionError("no cart")

    with pytest.raises(ZeroDivisionError):
        Middleware(app)({}, lambda *_: None)
    body = blueox_events.one("request")["body"]
    assert body["exception"]["message"] == "no cart"
    assert body["response_status_code"] == 500
    assert blueox.current_context() is None


def test_an_exception_in_the_body_is_recorded(blueox_events: Capture) -> None:
    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x"
        raise ZeroDivisionError("half way")

    serve(Middleware(app))
    body = blueox_events.one("request")["body"]
    assert body["exception"]["message"] == "half way"
    assert body["response_status_code"] == 200
    assert body["response_size"] == 1


def test_a_client_that_leaves_ends_the_event(blueox_events: Capture) -> None:
    body = Middleware(lambda environ, start: iter([b"x", b"y"]))({}, lambda *_: None)
    next(iter(body))
    body.close()  # type: ignore[attr-defined]
    assert blueox_events.one("request")["body"]["response_size"] == 1


def test_write_is_counted(blueox_events: Capture) -> None:
    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        write = start_response("200 OK", [])
        write(b"abc")
        return [b"de"]

    assert serve(Middleware(app)).endswith(b"abcde")
    assert blueox_events.one("request")["body"]["response_size"] == 5


def test_a_file_is_left_to_the_server(blueox_events: Capture) -> None:
    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](io.BytesIO(b"file"))
        return wrapped

    environ = {"wsgi.file_wrapper": wsgiref.util.FileWrapper}
    assert isinstance(Middleware(app)(environ, lambda *_: None), wsgiref.util.FileWrapper)
    assert blueox_events.one("request")["body"]["response_status_code"] == 200


def test_paths_are_text(blueox_events: Capture) -> None:
    serve(Middleware(hello), SCRIPT_NAME="/shop", PATH_INFO="/café".encode().decode("latin-1"), QUERY_STRING="a=1")
    body = blueox_events.one("request")["body"]
    assert body["path"] == "/shop/café"
    assert body["query_string"] == "a=1"
