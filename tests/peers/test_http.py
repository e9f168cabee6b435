"""Events over HTTP, as curl or any language sends them."""

from __future__ import annotations

import contextlib
import json
import pathlib
from typing import Any

import msgpack
import pytest

import zmtp
from daemon import Daemon
from events import event, parts
from waiting import wait_for

JSON_LINES = {"Content-Type": "application/x-ndjson"}
MSGPACK = {"Content-Type": "application/msgpack"}


def post(daemon: Daemon, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    code, answer = daemon.http("collection", "POST", "/v1/events", body, headers)
    decoded: dict[str, Any] = json.loads(answer)
    return code, decoded


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_json_lines(daemon: Daemon) -> None:
    sent = [
        event("http.json", seq, words="caf\u00e9 \u65e5\u672c", deep={"list": [1, None, True, 1.5]})
        for seq in range(50)
    ]
    assert post(daemon, lines(*sent), JSON_LINES) == (200, {"accepted": 50, "rejected": 0, "durable": True})
    daemon.wait_stored("http.json", 50)
    stored = daemon.logs.events("http.json")
    assert [item["body"] for item in stored] == [item["body"] for item in sent]
    assert [(item["id"], item["host"], item["end"]) for item in stored] == [
        (item["id"], item["host"], item["end"]) for item in sent
    ]


@pytest.mark.parametrize("use_bin_type", [False, True])
def test_msgpack_maps(daemon: Daemon, use_bin_type: bool) -> None:
    sent = [msgpack.packb(event("http.msgpack", seq), use_bin_type=use_bin_type) for seq in range(50)]
    assert post(daemon, b"".join(sent), MSGPACK) == (200, {"accepted": 50, "rejected": 0, "durable": True})
    daemon.wait_stored("http.msgpack", 50)
    assert daemon.logs.seqs("http.msgpack") == list(range(50))


def test_what_is_wrong_is_counted_and_the_rest_kept(daemon: Daemon) -> None:
    body = lines(event("http.mixed", 1)) + b"{broken\n" + lines(["no", "map"]) + lines(event("http.mixed", 2))
    code, answer = post(daemon, body, JSON_LINES)
    assert code == 422
    assert (answer["accepted"], answer["rejected"]) == (2, 2)
    daemon.wait_stored("http.mixed", 2)
    assert daemon.logs.seqs("http.mixed") == [1, 2]
    daemon.assert_well()


def test_an_answer_means_durable(base: pathlib.Path) -> None:
    daemon = Daemon(base).wait_ready()
    try:
        assert post(daemon, lines(event("http.durable", 1)), JSON_LINES)[0] == 200
    finally:
        daemon.kill()
    again = Daemon(base).wait_ready()
    try:
        again.wait_stored("http.durable", 1)
        again.assert_well()
        assert again.logs.seqs("http.durable") == [1]
        again.stop()
    finally:
        again.kill()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/v1/events", {}),
        ("POST", "/v1/nothing", {}),
        ("DELETE", "/v1/events", {}),
        ("POST", "/v1/events", {"Origin": "http://example.org"}),
        ("POST", "/v1/events", {"Host": "example.org"}),
        ("POST", "/v1/events", {"Content-Length": "-1"}),
        ("POST", "/v1/events", {"Content-Length": "99999999999999999999"}),
        ("POST", "/v1/events", {"Transfer-Encoding": "nonsense"}),
        ("GET", "/" + "x" * 100_000, {}),
        ("GET", "/v1/nothing", {f"X-{number}": "y" * 50 for number in range(1000)}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused(daemon: Daemon, method: str, path: str, headers: dict[str, str]) -> None:
    raw = f"{method} {path} HTTP/1.1\r\n"
    named = {"Host": daemon.address("collection"), "Connection": "close", **headers}
    raw += "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"
    with zmtp.connection(daemon.tcp("collection")) as conn:
        zmtp.try_send(conn, raw.encode())
        answer = zmtp.read_to_end(conn, 5.0)
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4", b"HTTP/1.1 5")), answer[:100]
    daemon.assert_well()


def test_what_is_accepted_before_the_damage_is_kept(daemon: Daemon) -> None:
    good = b"".join(msgpack.packb(event("before", seq)) for seq in range(3))
    code, body = daemon.http("collection", "POST", "/v1/events", good + b"\xc1" + good, MSGPACK)
    answer = json.loads(body)
    assert (code, answer["accepted"], answer["rejected"]) == (422, 3, 1)
    daemon.wait_stored("before", 3)
    assert daemon.accepted() == 3


def test_a_line_that_is_too_long_is_one_bad_event(daemon: Daemon) -> None:
    line = b'{"type":"long","body":{"text":"' + b"x" * (5 << 20) + b'"}}\n'
    code, body = daemon.http("collection", "POST", "/v1/events", line + b'{"type":"long"}\n', JSON_LINES)
    answer = json.loads(body)
    assert (code, answer["accepted"], answer["rejected"]) == (422, 1, 1)
    daemon.wait_stored("long", 1)


@pytest.mark.parametrize("host", ["[::1].evil.example", "127.0.0.1:80@evil.example", "127.0.0.1:evil", "evil.example"])
def test_a_page_that_has_our_address_under_its_name_is_refused(daemon: Daemon, host: str) -> None:
    for port, method, path in [("control", "GET", "/v1/status"), ("collection", "POST", "/v1/events")]:
        code, _ = daemon.http(port, method, path, headers={"Host": host})
        assert code == 403


def test_slow_uploads_hold_nothing_back(daemon: Daemon) -> None:
    half = b'{"type":"slow","body":{"text":"' + b"x" * 70_000
    head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
    with contextlib.ExitStack() as held:
        for _ in range(8):
            conn = held.enter_context(zmtp.connection(daemon.tcp("collection")))
            conn.sendall(head + half)
        # larger than what every connection has of its own
        sent = [parts("large", seq, filler="x" * 100_000) for seq in range(50)]
        daemon.push(*sent)
        daemon.wait_stored("large", 50)
        assert daemon.logs.seqs("large") == list(range(50))
        # and a stop does not wait for them
        daemon.stop()


def test_watchers_that_never_read_take_little_memory(daemon: Daemon) -> None:
    head = b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as held:
        for _ in range(31):
            conn = held.enter_context(zmtp.connection(daemon.tcp("control")))
            conn.sendall(head)
            conn.recv(1)
        wait_for("all to watch", lambda: len(daemon.status()["watchers"]) == 31)
        for seq in range(6):
            body = msgpack.packb(event("huge", seq, filler=b"\xe9" * 3_000_000))
            assert daemon.http("collection", "POST", "/v1/events", body, MSGPACK)[0] == 200
        daemon.wait_stored("huge", 6)
        assert daemon.memory_peak() < 160 << 20, f"{daemon.memory_peak() >> 20} MiB resident"
        daemon.stop()
