"""The wire of the original, spoken by libzmq under Python 3; needs no Python 2.7."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from functools import partial
from typing import Callable

import msgpack
import pytest
import zmq

from daemon import Daemon, json_lines, program, tool
from daemon import environment as our_environment
from events import HEADER, event, packed, parts
from logfiles import split, text
from originals import started_command
from waiting import PATIENCE, wait_for


def test_twenty_thousand_events_are_stored_byte_for_byte(daemon: Daemon, rng: random.Random) -> None:
    connections, each = 4, 5_000
    sent: list[list[list[bytes]]] = []
    for connection in range(connections):
        bodies: list[list[bytes]] = []
        for number in range(each):
            noise = rng.randbytes(rng.randrange(0, 200))
            bodies.append(parts("bulk", connection * each + number, connection=connection, noise=noise))
        sent.append(bodies)

    threads = [threading.Thread(target=daemon.push, args=messages) for messages in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    daemon.wait_stored("bulk", connections * each)
    raw = daemon.logs.raw("bulk")
    assert Counter(raw) == Counter(message[1] for messages in sent for message in messages)
    for connection, messages in enumerate(sent):
        mine = [value for value in raw if connection * each <= _seq(value) < (connection + 1) * each]
        assert mine == [message[1] for message in messages], f"connection {connection} lost its order"
    assert daemon.logs.files("bulk") == [daemon.logs.today("bulk")]

    events = wait_for(
        "the status to count them",
        lambda: (found := daemon.status()["events"])["stored"] >= connections * each and found,
    )
    assert daemon.accepted() == connections * each
    assert sum(events["dropped"].values()) == 0
    assert daemon.status()["types"]["bulk"]["count"] == connections * each


def _seq(value: bytes) -> int:
    seq: int = msgpack.unpackb(value, raw=True, strict_map_key=False)[b"body"][b"seq"]
    return seq


@pytest.mark.parametrize("use_bin_type", [False, True])
def test_both_string_families_are_stored_and_read(daemon: Daemon, use_bin_type: bool) -> None:
    # msgpack 1.0 under Python 2 writes byte strings, the keys among them, in the bin family
    fields = event("family", 1)
    as_bytes = {key.encode(): value.encode() if isinstance(value, str) else value for key, value in fields.items()}
    data = msgpack.packb(as_bytes, use_bin_type=use_bin_type)
    daemon.push([HEADER.pack(3, fields["end"], b"web-1", b"family"), data])
    daemon.wait_stored("family", 1)
    assert daemon.logs.raw("family") == [data]
    assert json_lines(tool("oxview", daemon.logs.today("family"))) == [text(fields)]


def test_the_stream_carries_type_and_event(daemon: Daemon) -> None:
    port = daemon.ask({"cmd": "SOCK_STREAM"})["port"]
    assert daemon.address("streaming").endswith(f":{port}")
    with daemon.socket(zmq.SUB, "streaming") as everything, daemon.socket(zmq.SUB, "streaming") as some:
        some.setsockopt(zmq.UNSUBSCRIBE, b"")
        some.setsockopt(zmq.SUBSCRIBE, b"live.a")
        stop = threading.Event()
        sent: list[list[bytes]] = []

        def pump() -> None:
            with daemon.socket(zmq.PUSH, "collection") as sock:
                while not stop.wait(0.005):
                    sent.append(parts(("live.b", "live.a", "live.a.child")[len(sent) % 3], len(sent)))
                    sock.send_multipart(sent[-1])

        pumping = threading.Thread(target=pump)
        pumping.start()
        try:
            seen = [everything.recv_multipart() for _ in range(90)]
            filtered = [some.recv_multipart() for _ in range(60)]
        finally:
            stop.set()
            pumping.join()
    expected = [[header[74 : 74 + header[73]], body] for header, body in sent]
    first = expected.index(seen[0])
    assert seen == expected[first : first + len(seen)]
    matching = [item for item in expected if item[0].startswith(b"live.a")]
    first = matching.index(filtered[0])
    assert filtered == matching[first : first + len(filtered)]


def test_our_oxview_follows_our_daemon(daemon: Daemon) -> None:
    with started_command([program("oxview"), "-H", daemon.address("control")], our_environment()) as viewer:
        lines = viewer.lines()
        seq = 0
        with daemon.socket(zmq.PUSH, "collection") as sock:

            def seen() -> bool:
                nonlocal seq
                seq += 1
                sock.send_multipart(parts("watched", seq))
                return len(lines) >= 20

            wait_for("20 events in oxview", seen)
    shown = [line["body"]["seq"] for line in json_lines(b"".join(lines))]
    assert shown == list(range(shown[0], shown[0] + len(shown)))


def test_what_is_missing_from_the_end_of_a_connection_is_nothing(daemon: Daemon) -> None:
    # a client that connects, sends and leaves at once, many times over
    for seq in range(200):
        daemon.push(parts("brief", seq))
    daemon.wait_stored("brief", 200)
    assert sorted(daemon.logs.seqs("brief")) == list(range(200))


def test_a_trickle_is_in_the_file_soon(daemon: Daemon, measured: Callable[[str], None]) -> None:
    with daemon.socket(zmq.PUSH, "collection") as sock:
        due, took = time.monotonic(), 0.0
        for seq in range(20):
            sock.send_multipart(parts("trickle", seq))
            sent = time.monotonic()
            wait_for("the event to be in its file", partial(_is_stored, daemon, seq))
            took = max(took, time.monotonic() - sent)
            due += 0.1
            time.sleep(max(0.0, due - time.monotonic()))  # the rate, nothing waits on it
    measured(f"a trickle: an event was in its file after {took * 1e3:.0f} ms at most")


def _is_stored(daemon: Daemon, seq: int) -> bool:
    return seq in daemon.logs.seqs("trickle")


def test_status_is_answered_while_events_pour_in(daemon: Daemon, measured: Callable[[str], None]) -> None:
    stop = threading.Event()
    poured = [0]

    def pour() -> None:
        message = parts("pour", 1, padding="x" * 300)
        with daemon.socket(zmq.PUSH, "collection") as sock:
            while not stop.is_set():
                sock.send_multipart(message)
                poured[0] += 1

    pouring = threading.Thread(target=pour)
    pouring.start()
    began = time.monotonic()
    took = []
    try:
        wait_for("events to pour", lambda: poured[0] > 1_000)
        with daemon.socket(zmq.REQ, "control") as sock:
            for _ in range(100):
                asked = time.monotonic()
                sock.send(packed({"cmd": "STATUS"}))
                reply = msgpack.unpackb(sock.recv(), raw=False)
                took.append(time.monotonic() - asked)
                assert set(reply) >= {"last", "lag", "events", "hosts"}
    finally:
        stop.set()
        pouring.join(PATIENCE)
    rate = poured[0] / (time.monotonic() - began)
    took.sort()
    measured(
        f"100 STATUS requests while {rate:,.0f} events/s were sent: p50 {took[49] * 1e3:.1f} ms, "
        f"p99 {took[98] * 1e3:.1f} ms, longest {took[99] * 1e3:.1f} ms ({os.cpu_count()} processors)"
    )
    daemon.wait_stored("pour", poured[0])
    assert len(split(b"".join(daemon.logs.raw("pour")))) == poured[0]
