"""The control port: the original's commands over REQ, and HTTP."""

from __future__ import annotations

import json
from typing import Any, Callable

import msgpack
import pytest
import zmq

from daemon import Daemon, tool
from events import HOST, packed, parts
from waiting import wait_for

UNKNOWN = {"error": "Unknown Command"}
STRANGE: dict[str, bytes] = {
    "unknown": packed({"cmd": "NONSENSE"}),
    "lower-case": packed({"cmd": "status"}),
    "no-cmd": packed({}),
    "other-key": packed({"command": "STATUS"}),
    "cmd-number": packed({"cmd": 1}),
    "cmd-nil": packed({"cmd": None}),
    "cmd-map": packed({"cmd": {"cmd": "STATUS"}}),
    "array": msgpack.packb(["cmd", "STATUS"]),
    "number": b"\x05",
    "nil": b"\xc0",
    "text": msgpack.packb("STATUS"),
    "empty": b"",
    "garbage": b"\xc1\xc1\xc1\xc1",
    "cut": packed({"cmd": "STATUS"})[:-3],
    "trailing": packed({"cmd": "NONSENSE"}) + b"\x00\x01",
    "http": b"GET /v1/status HTTP/1.1\r\n\r\n",
    "nested": b"\x91" * 100_000 + b"\xc0",
    "announced": b"\xdd\xff\xff\xff\xff",
    "not-utf8": packed({"cmd": b"\xff\xfe"}),
    "large": packed({"cmd": "x" * 100_000}),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_every_request_gets_a_reply(daemon: Daemon, strange: str) -> None:
    reply = daemon.ask(STRANGE[strange])
    assert isinstance(reply, dict)
    assert "error" in reply
    if strange in ("unknown", "lower-case"):
        assert reply == UNKNOWN
    daemon.assert_well()
    assert "events" in daemon.ask({"cmd": "STATUS"})


@pytest.mark.parametrize("use_bin_type", [False, True])
def test_status(daemon: Daemon, use_bin_type: bool) -> None:
    # the keys and the command may come in either string family
    request = msgpack.packb({b"cmd": b"STATUS"}, use_bin_type=use_bin_type)
    assert daemon.ask(request) == {"last": None, "lag": None, "events": {}, "hosts": {}}
    message = parts("asked", 1)
    daemon.push(message)
    reply = wait_for("the event to show", lambda: (got := daemon.ask(request))["events"] and got)
    end = msgpack.unpackb(message[1])["end"]
    assert reply["events"] == {"asked": {"last": end}}
    assert reply["hosts"] == {HOST: {"last": end}}
    assert end <= reply["last"] < end + 60
    assert 0 <= reply["lag"] < 60


def test_replies_are_in_the_old_string_family(daemon: Daemon) -> None:
    # an original's msgpack 0.4 knows neither str8 nor bin
    with daemon.socket(zmq.REQ, "control") as sock:
        for command in ("SOCK_STREAM", "SOCK_COLLECT", "STATUS", "NONSENSE"):
            sock.send(packed({"cmd": command}))
            reply = sock.recv()
            assert reply == packed(msgpack.unpackb(reply, raw=False)), command


def test_ports(daemon: Daemon) -> None:
    assert daemon.ask({"cmd": "SOCK_STREAM"}) == {"port": daemon.tcp("streaming")[1]}
    assert daemon.ask({"cmd": "SOCK_COLLECT"}) == {"port": daemon.tcp("collection")[1]}


def test_many_requests_on_one_connection(daemon: Daemon) -> None:
    with daemon.socket(zmq.REQ, "control") as sock:
        for _ in range(500):
            sock.send(packed({"cmd": "SOCK_COLLECT"}))
            assert msgpack.unpackb(sock.recv()) == {"port": daemon.tcp("collection")[1]}


def test_a_dealer_gets_its_envelope_back(daemon: Daemon) -> None:
    with daemon.socket(zmq.DEALER, "control") as sock:
        for envelope in ([b""], [b"one", b"two", b""]):
            sock.send_multipart([*envelope, packed({"cmd": "SOCK_COLLECT"})])
            *back, reply = sock.recv_multipart()
            assert back == envelope
            assert msgpack.unpackb(reply) == {"port": daemon.tcp("collection")[1]}


def test_shutdown_over_req(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    daemon.push(*(parts("last", seq) for seq in range(100)))
    daemon.wait_accepted(100)
    assert daemon.ask({"cmd": "SHUTDOWN"}) == {"ok": True}
    daemon.wait_exit()
    assert daemon.logs.seqs("last") == list(range(100))


def test_shutdown_over_http(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    code, _ = daemon.http("control", "POST", "/v1/shutdown")
    assert code in (400, 403), "a shutdown without the header has to be refused"
    daemon.assert_well()
    code, body = daemon.http("control", "POST", "/v1/shutdown", headers={"X-BlueOx": "1"})
    assert code == 200, body
    daemon.wait_exit()


def test_shutdown_by_oxctl(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    tool("oxctl", "-H", daemon.address("control"), "shutdown")
    daemon.wait_exit()
    tool("oxctl", "-H", daemon.address("control"), "status", codes=(1,))


def test_oxctl_status(daemon: Daemon) -> None:
    daemon.push(parts("shown", 1), parts("shown.child", 2))
    daemon.wait_stored("shown.child", 1)
    status: dict[str, Any] = json.loads(tool("oxctl", "-H", daemon.address("control"), "--raw", "status"))
    assert status["events"]["accepted"] == 2
    assert status["types"]["shown"]["count"] == 1
    assert HOST in status["hosts"]
    assert str(daemon.tcp("collection")[1]) in json.dumps(status["ports"])
    assert tool("oxctl", "-H", daemon.address("control"), "status").strip()
    assert b"shown.child" in tool("oxctl", "-H", daemon.address("control"), "types")
    assert HOST.encode() in tool("oxctl", "-H", daemon.address("control"), "hosts")
