"""`blueox.client.subscribe_stream`, from a real daemon and from one that breaks off."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import daemon as peers
import msgpack
import pytest

import blueox
import blueox.client
from blueox.client import DamagedStream, Unreachable, subscribe_stream


def post(oxd: peers.Daemon, *events: dict[str, Any]) -> None:
    body = "\n".join(json.dumps(event) for event in events).encode()
    status, answer = oxd.http("collection", "POST", "/v1/events", body)
    assert status == 200, answer


def test_events_of_applications_arrive(oxd: peers.Daemon) -> None:
    stream = subscribe_stream(oxd.address("control"))
    host, port = oxd.tcp("collection")
    blueox.configure(host, port)
    with blueox.Context("request") as request, blueox.Context(".sql"):
        blueox.set("query", "SELECT 1")
    (group,) = itertools.islice(blueox.client.Grouper(stream), 1)
    assert [event["type"] for event in group] == ["request.sql", "request"]
    assert {event["id"] for event in group} == {request.id}
    assert group[0]["body"] == {"query": "SELECT 1"}


@pytest.mark.parametrize(
    ("subscribe", "expected"),
    [
        (None, [1, 2, 3]),
        ("", [1, 2, 3]),
        ("request", [1]),
        ("request*", [1, 2]),
        (["request.sql", "job"], [2, 3]),
    ],
)
def test_what_is_subscribed(oxd: peers.Daemon, subscribe: Any, expected: list[int]) -> None:
    stream = subscribe_stream(oxd.address("control"), subscribe)
    types = ("request", "request.sql", "job")
    post(oxd, *({"type": name, "body": {"n": n}} for n, name in enumerate(types, 1)))
    assert [event["body"]["n"] for event in itertools.islice(stream, len(expected))] == expected


def test_a_filter_is_evaluated_by_the_daemon(oxd: peers.Daemon) -> None:
    stream = subscribe_stream(oxd.address("control"), filter="n > 1")
    post(oxd, *({"type": "request", "body": {"n": n}} for n in range(3)))
    assert next(stream)["body"]["n"] == 2
    with pytest.raises(ValueError, match="unit"):
        subscribe_stream(oxd.address("control"), filter="duration > 250msec")


def test_the_variable_says_which_daemon(oxd: peers.Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUEOX_CLIENT_HOST", oxd.address("control"))
    stream = subscribe_stream()
    post(oxd, {"type": "request"})
    assert next(stream)["type"] == "request"


def test_no_daemon() -> None:
    with socket.socket() as bound:  # bound, and nobody listens
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match=r"is it running\? try: oxd"):
            subscribe_stream(f"127.0.0.1:{bound.getsockname()[1]}")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.msgpack\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = msgpack.packb({"type": "request", "id": "a"})


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def scripted() -> Iterator[Any]:
    """Serves one answer for each connection, and closes it; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(*answers: bytes) -> str:
        def run() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    while not connection.recv(65536).endswith(b"\r\n\r\n"):
                        pass
                    connection.sendall(answer)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "not all answers were asked for"
    listener.close()


def test_it_connects_again(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blueox.client, "RETRY_SECONDS", 0)
    broken_off = HEAD + chunk(b"\xc0" + EVENT + EVENT[:4])
    ended = HEAD + chunk(EVENT) + b"0\r\n\r\n"
    not_now = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    stream = subscribe_stream(scripted(broken_off, not_now, ended, broken_off))
    assert [event["type"] for event in itertools.islice(stream, 3)] == ["request"] * 3


def test_a_silent_daemon_is_given_up(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blueox.client, "SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(blueox.client, "RETRY_SECONDS", 0)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(Unreachable, match="timed out"):
        subscribe_stream(f"127.0.0.1:{silent.getsockname()[1]}")


def test_what_is_no_event_is_named(scripted: Any) -> None:
    with pytest.raises(DamagedStream, match="sent no event"):
        list(subscribe_stream(scripted(HEAD + chunk(b"\x05"))))
