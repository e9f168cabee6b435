"""What no honest peer sends: after each of these the daemon is well, and the next good event lands."""

from __future__ import annotations

import contextlib
import random
import resource
import socket
import struct
from collections.abc import Iterator
from typing import Callable

import msgpack
import pytest
import zmq

import zmtp
from daemon import Daemon, raise_open_files, tool
from events import event, header, packed, parts
from waiting import PATIENCE, wait_for

BOTH = pytest.mark.parametrize("port", ["collection", "control"])
GOOD_HEAD = header("hostile", 1425211200.5)
GOOD_BODY = packed(event("hostile", 1))

BAD_MESSAGES: dict[str, list[bytes]] = {
    "first part empty": [b"", GOOD_BODY],
    "first part short": [GOOD_HEAD[:40], GOOD_BODY],
    "first part one byte": [b"\x03", GOOD_BODY],
    "first part long": [GOOD_HEAD + b"x", GOOD_BODY],
    "first part 1 MiB": [GOOD_HEAD + bytes(1 << 20), GOOD_BODY],
    "both parts empty": [b"", b""],
    "one part": [GOOD_HEAD],
    "one part, empty": [b""],
    "one part, the map": [GOOD_BODY],
    "five parts": [GOOD_HEAD, GOOD_BODY, GOOD_HEAD, GOOD_BODY, b""],
    "ten thousand parts": [GOOD_HEAD] + [b"x"] * 10_000,
    "version 2": [header("hostile", 1.0, version=2), GOOD_BODY],
    "version 255": [header("hostile", 1.0, version=255), GOOD_BODY],
    "end is NaN": [header("hostile", float("nan")), GOOD_BODY],
    "end is infinite": [header("hostile", float("inf")), GOOD_BODY],
    "end is far away": [header("hostile", 1e300), GOOD_BODY],
    "end is before all": [header("hostile", -1e300), GOOD_BODY],
    "length bytes above 63": [GOOD_HEAD[:9] + b"\xff" + GOOD_HEAD[10:73] + b"\xff" + GOOD_HEAD[74:], GOOD_BODY],
    "body empty": [GOOD_HEAD, b""],
    "body not MsgPack": [GOOD_HEAD, b"\xc1\xc1\xc1"],
    "body is text": [GOOD_HEAD, b"hello, world\n"],
    "body is no map": [GOOD_HEAD, msgpack.packb([1, 2, 3])],
    "body is cut": [GOOD_HEAD, GOOD_BODY[:-1]],
    "body has trailing bytes": [GOOD_HEAD, GOOD_BODY + b"\x00"],
    "body is two events": [GOOD_HEAD, GOOD_BODY + GOOD_BODY],
    "body is an empty map": [GOOD_HEAD, b"\x80"],
    "map announces 4 Gi pairs": [GOOD_HEAD, b"\xdf\xff\xff\xff\xff"],
    "array announces 4 Gi items": [GOOD_HEAD, b"\x81\xa4body\xdd\xff\xff\xff\xff"],
    "string announces 4 GiB": [GOOD_HEAD, b"\x81\xa4body\xdb\xff\xff\xff\xff"],
    "nested 100,000 deep in arrays": [GOOD_HEAD, b"\x81\xa4body" + b"\x91" * 100_000 + b"\xc0"],
    "nested 100,000 deep in maps": [GOOD_HEAD, b"\x81\xa4body" + b"\x81\x01" * 100_000 + b"\xc0"],
    "keys of strange kinds": [GOOD_HEAD, b"\x83\xc0\x01\x90\x02\x80\x03"],
    "fields of strange kinds": [
        GOOD_HEAD,
        packed({"id": [], "type": {}, "host": 1, "pid": "x", "start": None, "end": "y", "body": 5}),
    ],
    "the same key twice": [GOOD_HEAD, b"\x82\xa4type\xa1a\xa4type\xa1b"],
}

BAD_TYPES: dict[str, bytes] = {
    "climbing": b"../../etc/x",
    "climbing far": b"../../../../../../../../../../tmp/blueox-was-here",
    "absolute": b"/etc/blueox-was-here",
    "dot": b".",
    "two dots": b"..",
    "empty": b"",
    "slash": b"a/b",
    "backslash": b"..\\..\\x",
    "NUL": b"a\0b",
    "newline": b"a\nb",
    "not UTF-8": b"caf\xe9\xff",
    "63 bytes": b"n" * 63,
    "10 KB": b"n" * 10_240,
    "own directory": b".blueox/x",
    "percent": b"%2e%2e%2fx",
    "looks escaped": b"a%00b",
    "looks like a file": b"request-20120312.log",
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_bad_message(daemon: Daemon, name: str) -> None:
    with daemon.socket(zmq.PUSH, "collection") as sock:
        sock.send_multipart(BAD_MESSAGES[name])
        # the same connection is of use afterwards, or libzmq makes it anew
        seq = 0

        def landed() -> bool:
            nonlocal seq
            sock.send_multipart(parts("after", seq))
            seq += 1
            return bool(daemon.logs.seqs("after"))

        wait_for("a good event of the same peer", landed)
    daemon.assert_well()


@pytest.mark.parametrize("name", BAD_TYPES)
def test_bad_type(daemon: Daemon, name: str) -> None:
    bad = BAD_TYPES[name]
    body = packed(event(bad, 1))
    daemon.push([header(bad, 1425211200.5), body], [header("hostile", 1425211200.5), body])
    daemon.http("collection", "POST", "/v1/events", body, {"Content-Type": "application/msgpack"})
    daemon.assert_well()


def test_bad_host(daemon: Daemon) -> None:
    for host in (b"", b"a\0b", b"\xff\xfe", b"../x", b"h" * 63):
        daemon.push([header("hostile", 1425211200.5, host=host), GOOD_BODY])
    daemon.assert_well()
    assert "hosts" in daemon.ask({"cmd": "STATUS"})


def test_all_bad_messages_on_one_connection_lose_no_good_one(daemon: Daemon, rng: random.Random) -> None:
    bad = [message for message in BAD_MESSAGES.values() if sum(map(len, message)) < 1000 and len(message) < 100]
    messages = [rng.choice(bad) if rng.random() < 0.5 else parts("good", seq) for seq in range(2000)]
    wanted = [message[1] for message in messages if message not in bad]
    with zmtp.peer(daemon.tcp("collection")) as conn:
        conn.sendall(b"".join(map(zmtp.message, messages)))
        daemon.wait_stored("good", len(wanted))
        assert daemon.logs.raw("good") == wanted
    daemon.assert_well()
    dropped = daemon.status()["events"]["dropped"]
    assert sum(dropped.values()) > 0, "what was thrown away has to be counted"
    assert tool("oxview", *daemon.logs.files("good")).count(b"\n") == len(wanted)


@BOTH
def test_random_bytes(daemon: Daemon, rng: random.Random, port: str) -> None:
    openings = (
        b"",
        zmtp.greeting(),
        zmtp.greeting() + zmtp.ready(),
        b"POST /v1/events HTTP/1.1\r\n",
        b"\0",
        b"\x16\x03\x01",
    )
    for _ in range(300):
        with zmtp.connection(daemon.tcp(port)) as conn:
            zmtp.try_send(conn, rng.choice(openings) + rng.randbytes(rng.randrange(0, 2000)))
    daemon.assert_well()


@BOTH
def test_every_first_byte(daemon: Daemon, port: str) -> None:
    for first in range(256):
        with zmtp.connection(daemon.tcp(port)) as conn:
            zmtp.try_send(conn, bytes([first]) * 100)
    daemon.assert_well()


@BOTH
def test_half_a_greeting(daemon: Daemon, port: str) -> None:
    whole = zmtp.greeting() + zmtp.ready(b"PUSH" if port == "collection" else b"REQ")
    with contextlib.ExitStack() as held:
        for length in range(len(whole)):
            conn = held.enter_context(zmtp.connection(daemon.tcp(port)))
            zmtp.try_send(conn, whole[:length])
        # while all of them are held open, and after they are closed
        daemon.assert_well(1)
        assert "events" in daemon.ask({"cmd": "STATUS"})
    daemon.assert_well(2)


def test_a_greeting_byte_by_byte(daemon: Daemon) -> None:
    message = parts("slow", 1)
    with zmtp.connection(daemon.tcp("collection")) as conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in zmtp.greeting() + zmtp.ready() + zmtp.message(message):
            conn.sendall(bytes([byte]))
        daemon.wait_stored("slow", 1)
    assert daemon.logs.raw("slow") == [message[1]]


@BOTH
@pytest.mark.parametrize(
    "opening",
    [
        zmtp.greeting(major=0),
        zmtp.greeting(major=1),
        zmtp.greeting(major=2),
        zmtp.greeting(major=9, minor=9),
        zmtp.greeting(mechanism=b"PLAIN"),
        zmtp.greeting(mechanism=b"CURVE"),
        zmtp.greeting(mechanism=b"x" * 20),
        zmtp.greeting(as_server=7),
        b"\x01\x00" + zmtp.message([b"", b""]),  # ZMTP 1.0
        b"\xff" + bytes(8) + b"\x7e" + bytes(54),
        b"\xff" * 64,
    ],
    ids=[
        "v0",
        "v1",
        "v2",
        "v9.9",
        "plain",
        "curve",
        "no-mechanism",
        "as-server",
        "zmtp-1.0",
        "bad-signature",
        "all-ff",
    ],
)
def test_wrong_greeting(daemon: Daemon, port: str, opening: bytes) -> None:
    with zmtp.connection(daemon.tcp(port)) as conn:
        zmtp.try_send(conn, opening + zmtp.ready() + zmtp.message([GOOD_HEAD, GOOD_BODY]))
        zmtp.read_to_end(conn)
    daemon.assert_well()


@BOTH
@pytest.mark.parametrize(
    "kind", [b"PUB", b"SUB", b"REQ", b"REP", b"PULL", b"PAIR", b"ROUTER", b"", b"NONSENSE", b"x" * 5000]
)
def test_wrong_socket_type(daemon: Daemon, port: str, kind: bytes) -> None:
    with zmtp.connection(daemon.tcp(port)) as conn:
        zmtp.try_send(conn, zmtp.greeting() + zmtp.ready(kind) + zmtp.message([GOOD_HEAD, GOOD_BODY]))
        zmtp.read_to_end(conn)
    daemon.assert_well()


@pytest.mark.parametrize(
    "after_greeting",
    [
        zmtp.frame(b"", zmtp.COMMAND),
        zmtp.frame(b"\x05READY\xff", zmtp.COMMAND),
        zmtp.frame(b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 2**31) + b"PUSH", zmtp.COMMAND),
        zmtp.frame(b"\x05ERROR\x00", zmtp.COMMAND),
        zmtp.frame(b"\x04PING\x00\x00", zmtp.COMMAND),
        zmtp.message([GOOD_HEAD, GOOD_BODY]),
        b"\xff" * 100,
        zmtp.frame_head(2**63 - 1, zmtp.COMMAND),
        zmtp.ready() + zmtp.ready(),
        zmtp.ready() + zmtp.frame(b"\x07UNKNOWN", zmtp.COMMAND),
        zmtp.ready() + zmtp.frame_head(2**64 - 1),
        zmtp.ready() + zmtp.frame_head(2**63 - 1, zmtp.MORE),
        zmtp.ready() + zmtp.frame(GOOD_HEAD, zmtp.MORE),
    ],
    ids=lambda data: data[:24].hex(),
)
def test_wrong_command(daemon: Daemon, after_greeting: bytes) -> None:
    with zmtp.connection(daemon.tcp("collection")) as conn:
        zmtp.try_send(conn, zmtp.greeting() + after_greeting)
        zmtp.read_to_end(conn)
    daemon.assert_well()


@pytest.mark.parametrize(
    ("kind", "port"),
    [
        (zmq.REQ, "collection"),
        (zmq.PUB, "collection"),
        (zmq.PUSH, "control"),
        (zmq.SUB, "control"),
        (zmq.PUSH, "streaming"),
        (zmq.REQ, "streaming"),
    ],
)
def test_libzmq_sockets_of_the_wrong_kind(daemon: Daemon, kind: int, port: str) -> None:
    with daemon.socket(kind, port) as sock:
        sock.linger = 0
        if kind != zmq.SUB:
            with contextlib.suppress(zmq.ZMQError):
                sock.send_multipart([GOOD_HEAD, GOOD_BODY], zmq.NOBLOCK)
        sock.poll(200)
        daemon.assert_well()


def test_a_frame_of_64_mib_is_passed_by(daemon: Daemon) -> None:
    message, size, block = parts("large", 2), 64 << 20, bytes(1 << 16)
    with zmtp.peer(daemon.tcp("collection")) as conn:
        conn.sendall(zmtp.frame(header("large", 1425211200.5), zmtp.MORE) + zmtp.frame_head(size))
        for _ in range(size // len(block)):
            conn.sendall(block)
        conn.sendall(zmtp.message(message))
        daemon.wait_stored("large", 1)
    assert daemon.logs.raw("large") == [message[1]]
    daemon.assert_well()


def test_a_first_part_of_64_mib_is_passed_by(daemon: Daemon) -> None:
    message, size, block = parts("large", 2), 64 << 20, bytes(1 << 16)
    with zmtp.peer(daemon.tcp("collection")) as conn:
        conn.sendall(zmtp.frame_head(size, zmtp.MORE))
        for _ in range(size // len(block)):
            conn.sendall(block)
        conn.sendall(zmtp.frame(GOOD_BODY) + zmtp.message(message))
        daemon.wait_stored("large", 1)
    assert daemon.logs.raw("large") == [message[1]]
    daemon.assert_well()


@BOTH
def test_frames_that_are_announced_and_never_sent(daemon: Daemon, port: str) -> None:
    kind = b"PUSH" if port == "collection" else b"REQ"
    with contextlib.ExitStack() as held:
        for _ in range(200):
            conn = held.enter_context(zmtp.connection(daemon.tcp(port)))
            zmtp.try_send(conn, zmtp.greeting() + zmtp.ready(kind) + zmtp.frame_head(4 << 20, zmtp.MORE) + bytes(1000))
        daemon.assert_well()


@BOTH
def test_connections_that_are_left_open(start_daemon: Callable[..., Daemon], port: str) -> None:
    with open_files_raised() as limit:
        count = min(10_000, limit - 500)
        daemon = start_daemon()
        with contextlib.ExitStack() as held:
            for number in range(count):
                conn = held.enter_context(zmtp.connection(daemon.tcp(port)))
                zmtp.try_send(conn, (b"", b"\xff", b"\0", b"GET /")[number % 4])
            daemon.assert_well(1)
        daemon.assert_well(2)


@contextlib.contextmanager
def open_files_raised() -> Iterator[int]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield raise_open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@BOTH
def test_more_connections_than_file_descriptors(start_daemon: Callable[..., Daemon], port: str) -> None:
    daemon = start_daemon(open_files=128)
    with contextlib.ExitStack() as held:
        for _ in range(500):
            held.enter_context(zmtp.connection(daemon.tcp(port)))
        daemon.assert_alive()
    daemon.assert_well(1)


def test_more_types_than_file_descriptors(start_daemon: Callable[..., Daemon]) -> None:
    daemon, count = start_daemon(open_files=128), 5_000
    sent = [parts(f"many.{number}", number) for number in range(count)]
    daemon.push(*sent)
    daemon.push(*sent)
    day = daemon.logs.today("many.0").parent
    wait_for("a file for each type", lambda: day.exists() and len(list(day.glob("many.*.log"))) == count, 2 * PATIENCE)
    wait_for("every event in them", lambda: len(daemon.logs.all_raw()) == 2 * count)
    for number, message in enumerate(sent):
        assert daemon.logs.raw(f"many.{number}") == [message[1], message[1]]
    daemon.assert_well()


def test_connections_cut_in_the_middle(daemon: Daemon, rng: random.Random) -> None:
    whole = zmtp.greeting() + zmtp.ready() + b"".join(zmtp.message(parts("cut", seq)) for seq in range(20))
    for _ in range(300):
        with zmtp.connection(daemon.tcp("collection")) as conn:
            zmtp.try_send(conn, whole[: rng.randrange(len(whole))])
            if rng.random() < 0.5:  # by a reset instead of an orderly end
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    daemon.assert_well()
    assert set(daemon.logs.seqs("cut")) <= set(range(20))


def test_what_was_kept_can_be_read(daemon: Daemon) -> None:
    daemon.push(*(message for message in BAD_MESSAGES.values() if len(message) == 2))
    daemon.assert_well()
    for file in daemon.logs.path.glob("[0-9]*/*.log"):
        tool("oxview", file)


def test_a_watcher_that_does_not_read(daemon: Daemon) -> None:
    with zmtp.peer(daemon.tcp("streaming"), b"SUB") as conn:
        conn.sendall(zmtp.frame(b"\x01"))
        padding = "x" * 1000
        daemon.push(*(parts("flood", seq, padding=padding) for seq in range(20_000)))
        daemon.wait_stored("flood", 20_000)
        daemon.assert_well()
