"""`blueox.contrib.django.middleware`: synchronous and asynchronous, under WSGI and ASGI."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import django
import pytest
from django.conf import settings

import blueox
from blueox.testing import Capture

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MIDDLEWARE = "blueox.contrib.django.middleware.Middleware"
URLS = "blueox_django_urls"

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    MIDDLEWARE=[MIDDLEWARE],
    ROOT_URLCONF=URLS,
    SECRET_KEY="not one",
    DEBUG=False,
    LOGGING_CONFIG=None,
)
django.setup()

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse  # noqa: E402
from django.test import AsyncClient, Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.functional import SimpleLazyObject  # noqa: E402


def cart(request: HttpRequest, number: int) -> HttpResponse:
    blueox.set("cart", number)
    with blueox.Context(".sql"):
        blueox.set("query", "SELECT 1")
    return HttpResponse("seven", headers={"X-Cart": "7", "Set-Cookie": "a=1"})


async def async_cart(request: HttpRequest, number: int) -> HttpResponse:
    blueox.set("cart", number)
    await asyncio.to_thread(blueox.set, "thread", True)
    return HttpResponse("seven")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("no cart")


async def async_broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("no cart")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such cart")


def rows(request: HttpRequest) -> StreamingHttpResponse:
    def stream() -> Iterator[bytes]:
        for n in range(3):
            blueox.add("rows", 1)
            yield b"%d\n" % n

    return StreamingHttpResponse(stream())


async def async_rows(request: HttpRequest) -> StreamingHttpResponse:
    async def stream() -> AsyncIterator[bytes]:
        for n in range(3):
            blueox.add("rows", 1)
            yield b"%d\n" % n

    return StreamingHttpResponse(stream())


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


def known(request: HttpRequest) -> HttpResponse:
    request.version = "1.2"  # type: ignore[attr-defined]
    request.user = SimpleLazyObject(lambda: SimpleNamespace(id=42))
    assert request.user.id == 42
    return HttpResponse()


def unknown(request: HttpRequest) -> HttpResponse:
    request.user = SimpleLazyObject(lambda: pytest.fail("it looked who the user is"))
    return HttpResponse()


urls: Any = ModuleType(URLS)
urls.urlpatterns = [
    path("cart/<int:number>", cart),
    path("async/cart/<int:number>", async_cart),
    path("broken", broken),
    path("async/broken", async_broken),
    path("missing", missing),
    path("rows", rows),
    path("async/rows", async_rows),
    path("file", file),
    path("known", known),
    path("unknown", unknown),
]
sys.modules[URLS] = urls


def get(url: str, is_async: bool, **headers: str) -> tuple[int, bytes]:
    """Status and body, by the handler of WSGI or that of ASGI."""

    async def get_async() -> tuple[int, bytes]:
        response: Any = await AsyncClient(raise_request_exception=False).get(url, headers=headers)
        content = [chunk async for chunk in response] if getattr(response, "is_async", False) else list(response)
        await asyncio.to_thread(response.close)
        return response.status_code, b"".join(content)

    if is_async:
        return asyncio.run(get_async())
    response: Any = Client(raise_request_exception=False).get(url, headers=headers)
    return response.status_code, b"".join(response)


both = pytest.mark.parametrize("is_async", [False, True], ids=["wsgi", "asgi"])


@both
@pytest.mark.parametrize("url", ["/cart/7", "/async/cart/7"])
def test_a_request_is_an_event(blueox_events: Capture, url: str, is_async: bool) -> None:
    assert get(url + "?full=1", is_async, traceparent=TRACEPARENT, cookie="a=1") == (200, b"seven")
    event = blueox_events.one("request")
    body = event["body"]
    assert event["id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    expected = {"method": "GET", "path": url, "cart": 7, "client_ip": "127.0.0.1", "route": url[1:-1] + "<int:number>"}
    assert {key: body[key] for key in expected} == expected
    assert body["uri"] == f"http://testserver{url}?full=1"
    assert body["headers"]["HTTP_COOKIE"] == "[scrubbed]"
    assert body["response_status_code"] == 200
    assert body["response_size"] == 5
    if url == "/cart/7":
        assert body["response_headers"]["X-Cart"] == "7"
        assert body["response_headers"]["Set-Cookie"] == "[scrubbed]"
        assert blueox_events.one("request.sql")["id"] == event["id"]
    else:
        assert body["thread"] is True
    assert blueox.current_context() is None


@both
@pytest.mark.parametrize("url", ["/broken", "/async/broken"])
def test_an_exception_is_recorded(blueox_events: Capture, url: str, is_async: bool) -> None:
    assert get(url, is_async)[0] == 500
    body = blueox_events.one("request")["body"]
    assert body["exception"]["message"] == "no cart"
    assert body["response_status_code"] == 500


@both
@pytest.mark.parametrize("url", ["/missing", "/nowhere"])
def test_a_404_is_no_failure(blueox_events: Capture, url: str, is_async: bool) -> None:
    assert get(url, is_async)[0] == 404
    body = blueox_events.one("request")["body"]
    assert body["response_status_code"] == 404
    assert "exception" not in body


@pytest.mark.parametrize(("url", "is_async"), [("/rows", False), ("/async/rows", True)])
def test_a_streamed_body_is_part_of_the_event(blueox_events: Capture, url: str, is_async: bool) -> None:
    assert get(url, is_async) == (200, b"0\n1\n2\n")
    body = blueox_events.one("request")["body"]
    assert body["rows"] == 3
    assert body["response_size"] == 6


def test_a_file_is_left_to_the_server(blueox_events: Capture) -> None:
    content = get("/file", False)[1]
    assert blueox_events.one("request")["body"]["response_size"] == len(content)


def test_a_user_that_somebody_has_looked_at(blueox_events: Capture) -> None:
    get("/known", False)
    body = blueox_events.one("request")["body"]
    assert body["user"] == 42
    assert body["version"] == "1.2"


def test_a_user_that_nobody_has_looked_at_is_not_asked_for(blueox_events: Capture) -> None:
    assert get("/unknown", False)[0] == 200
    assert "user" not in blueox_events.one("request")["body"]


def test_a_host_that_is_not_allowed(blueox_events: Capture) -> None:
    get("/cart/7", False, host="evil.example")
    assert blueox_events.one("request")["body"]["uri"] == "/cart/7"


def test_requests_at_the_same_time_do_not_mix(blueox_events: Capture) -> None:
    async def many() -> None:
        client = AsyncClient()
        await asyncio.gather(*(client.get(f"/async/cart/{n}") for n in range(10)))

    asyncio.run(many())
    carts = {(event["body"]["path"], event["body"]["cart"]) for event in blueox_events.of("request")}
    assert carts == {(f"/async/cart/{n}", n) for n in range(10)}


def test_settings(blueox_events: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(blueox, "default_configure", calls.append)
    with override_settings(BLUEOX_NAME="shop", BLUEOX_HOST="collector:3514"):
        get("/cart/7", False)
    assert blueox_events.of("shop.request")
    assert calls == ["collector:3514"]
