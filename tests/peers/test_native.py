"""The native protocol on the collection port, spoken by an implementation of its own (`native_wire`)."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import signal
import socket
from typing import Callable

import pytest
import zmq

import native_wire as wire
from daemon import Daemon
from events import event, packed, parts
from logfiles import LogPath
from native_wire import ACK, GOAWAY, NACK, REFUSED, Connection, connected
from waiting import PATIENCE, wait_for


def batch(seq: int, count: int = 3, type_name: str = "native", pad: int = 0) -> bytes:
    """DATA whose events are numbered from (seq - 1) * count on, so that the day files show which came."""
    return wire.data(seq, count, payload(seq, count, type_name, pad))


def payload(seq: int, count: int = 3, type_name: str = "native", pad: int = 0) -> bytes:
    first = (seq - 1) * count
    return b"".join(packed(event(type_name, first + n, pad="x" * pad)) for n in range(count))


def wait_all(daemon: Daemon, count: int, type_name: str = "native") -> None:
    """Every event from 0 on is stored exactly once, and nothing else."""
    wait_for(f"{count} events in the day files", lambda: len(daemon.logs.seqs(type_name)) >= count)
    assert sorted(daemon.logs.seqs(type_name)) == list(range(count))


@pytest.fixture
def stream() -> bytes:
    return os.urandom(16)


def test_batches_are_acked_and_stored_in_order(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        welcome = sender.handshake(stream, 1)
        assert welcome.durable
        assert (welcome.high_water, welcome.credit) == (0, 65536)
        for seq in range(1, 21):
            sender.send(batch(seq))
        sender.acked(20)
        wait_all(daemon, 60)
        assert daemon.logs.seqs("native") == list(range(60))


def test_exactly_once_across_cuts_in_the_middle_of_a_batch(daemon: Daemon, stream: bytes) -> None:
    whole = batch(1, pad=3000)
    for session, cut in enumerate(range(0, len(whole), 911), start=1):
        sender = Connection(daemon.tcp("collection"))
        assert sender.handshake(stream, session, next_seq=2).high_water == 0
        sender.send(whole[:cut])
        sender.cut()
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 100, next_seq=2).high_water == 0
        sender.send(whole)
        sender.acked(1)
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 101, next_seq=2).high_water == 1
        sender.send(whole, batch(2))
        sender.acked(2)
    wait_all(daemon, 6)


def test_what_was_not_acked_is_sent_again_and_stored_once(daemon: Daemon, stream: bytes) -> None:
    done, session = 0, 0
    while done < 60:
        session += 1
        sender = Connection(daemon.tcp("collection"))
        welcome = sender.handshake(stream, session, next_seq=61)
        assert done <= welcome.high_water <= 60
        first = welcome.high_water + 1
        sender.send(*(batch(seq) for seq in range(first, min(first + 7, 61))))
        if first <= 60:
            done = sender.expect(ACK).numbers()[0]
        sender.cut()
        done = max(done, welcome.high_water)
    wait_all(daemon, 180)


def test_acked_batches_that_come_again_are_acked_again(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(batch(1), batch(2))
        sender.acked(2)
        sender.send(batch(1))
        assert sender.expect(ACK).numbers()[0] == 2
        sender.send(batch(3))
        sender.acked(3)
    wait_all(daemon, 9)


def test_a_jump_is_taken_where_the_numbers_are_acked_elsewhere(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1, next_seq=10, ack_floor=4)
        sender.send(batch(5))
        sender.acked(5)
        sender.send(batch(9))
        assert sender.expect(NACK).numbers() == (6,)
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 2, next_seq=10, ack_floor=4).high_water == 5
    wait_for("batch 5", lambda: sorted(daemon.logs.seqs("native")) == [12, 13, 14])


def test_a_jump_beyond_the_floor_is_answered_with_what_is_missing(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1, next_seq=10)
        sender.send(batch(2), batch(3))
        assert sender.expect(NACK).numbers() == (1,)
        sender.send(batch(1), batch(2), batch(3))
        sender.acked(3)
    wait_all(daemon, 9)


def test_lost_numbers_take_their_place(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(batch(1), wire.lost(2, 7, 12), batch(8), wire.lost(9, 9))
        sender.acked(9)
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 2, next_seq=10).high_water == 9
    wait_for("two batches", lambda: sorted(daemon.logs.seqs("native")) == [0, 1, 2, 21, 22, 23])


def test_a_stream_ends_with_bye_and_is_forgotten(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(batch(1), batch(2), wire.bye(2))
        frames = sender.ended()
        assert frames[-1].kind == wire.BYE
        assert frames[-1].numbers() == (2,)
        assert max(frame.numbers()[0] for frame in frames if frame.kind == ACK) == 2
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 1).high_water == 0, "the mark is gone, and the session"
    wait_all(daemon, 6)


def test_a_stream_that_never_had_a_number_ends(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(wire.bye(0))
        assert sender.ended()[-1].kind == wire.BYE
    wait_for("the stream to be forgotten", lambda: daemon.status()["native"]["streams_known"] == 0)


def test_a_higher_session_takes_over_while_the_old_connection_hangs(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as hanging, connected(daemon.tcp("collection")) as sender:
        hanging.handshake(stream, 1, next_seq=3)
        hanging.send(batch(1), batch(2)[:40])
        assert sender.handshake(stream, 2, next_seq=3).high_water in (0, 1)
        hanging_end = hanging.ended()
        assert hanging_end[-1].kind == GOAWAY
        assert hanging_end[-1].reason()[0] == 2
        sender.send(batch(1), batch(2))
        sender.acked(2)
    wait_all(daemon, 6)


def test_an_equal_or_lower_session_is_refused(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 5)
        for session in (5, 4):
            with connected(daemon.tcp("collection")) as clone:
                clone.send(wire.PREFACE, wire.hello(stream, session))
                assert clone.expect(REFUSED).reason()[0] == 1
                assert clone.ended() == []
        sender.send(batch(1))
        sender.acked(1)
    assert daemon.status()["connections"]["refused"]["session"] == 2


def test_more_streams_than_can_be_followed_are_refused(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--spool-max", "1MiB")
    known: list[bytes] = []
    refused = None
    while not refused:
        stream = os.urandom(16)
        with connected(daemon.tcp("collection")) as sender:
            sender.send(wire.PREFACE, wire.hello(stream, 1, next_seq=2))
            answer = sender.expect(wire.WELCOME, REFUSED)
            if answer.kind == REFUSED:
                refused = answer
                assert sender.ended() == []
                continue
            # of which something is kept: its mark
            sender.send(wire.data(1, 1, packed(event("followed", len(known)))))
            sender.acked(1)
        known.append(stream)
        assert len(known) < 2000, "a spool of 1 MiB follows any number of streams"
    assert refused.reason()[0] == 4
    assert len(known) > 100
    counted = wait_for("it to be counted", lambda: daemon.status()["connections"]["refused"])
    assert counted == {"too_many_streams": 1}
    assert daemon.status()["native"]["streams_known"] == len(known)
    # those that are known go on, and who says goodbye makes room
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(known[0], 2, next_seq=3).high_water == 1
        sender.send(wire.data(2, 1, packed(event("followed", len(known)))))
        sender.acked(2)
        sender.send(wire.bye(2))
        assert sender.ended()[-1].kind == wire.BYE
    wait_for("room", lambda: daemon.status()["native"]["streams_known"] < len(known))
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(os.urandom(16), 1)
    wait_all(daemon, len(known) + 1, "followed")


def test_credit_grows_and_may_not_be_exceeded(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        credit, seq = sender.handshake(stream, 1).credit, 0
        while credit < 1 << 20:
            size = credit // 3
            for _ in range(3):
                seq += 1
                sender.send(wire.data(seq, 1, packed(event("native", seq, pad="x" * (size - 300)))))
            while (got := sender.expect(ACK).numbers())[0] < seq:
                credit = max(credit, got[1])
            credit = max(credit, got[1])
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(os.urandom(16), 1)
        with contextlib.suppress(ConnectionError):
            for seq in range(1, 400):
                sender.send(batch(seq, pad=20_000, type_name="greedy"))
        frames = sender.ended()
        ends = [frame.reason()[0] for frame in frames if frame.kind == GOAWAY]
        assert ends in ([3], []), frames[-1]
    daemon.assert_well()


def test_one_frame_may_be_larger_than_all_credit(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        fields = packed(event("large", 0, pad=""))
        whole = packed(event("large", 0, pad="x" * (wire.MAX_PAYLOAD - len(fields) - 4)))
        assert wire.MAX_PAYLOAD - 8 < len(whole) <= wire.MAX_PAYLOAD
        sender.send(wire.data(1, 1, whole))
        sender.acked(1)
    daemon.wait_stored("large", 1)
    assert daemon.memory_peak() < 64 << 20


def test_a_thousand_types_in_one_batch(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(wire.data(1, 1000, b"".join(packed(event(f"type{n}", n)) for n in range(1000))))
        sender.acked(1)
    wait_for("a thousand files", lambda: len(list(daemon.logs.path.glob("[0-9]*/type*.log"))) == 1000)
    wait_for("an event in each", lambda: len(daemon.logs.all_raw()) == 1000)


def test_what_is_no_event_is_counted_and_its_number_is_taken(daemon: Daemon, stream: bytes) -> None:
    good, untyped = packed(event("native", 0)), packed({"body": {}})
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(
            wire.data(1, 3, good + untyped + packed(event("native", 1))),
            wire.data(2, 2, packed(event("native", 2)) + b"\xc1garbage"),
            wire.data(3, 7, b"\xc1" * 100),
            wire.data(4, 2, b"not compressed", raw_len=1000, codec=wire.ZSTD),
            wire.data(5, 2, b"not compressed", raw_len=1000, codec=wire.LZ4),
            wire.data(6, 1, packed(event("native", 3))),
        )
        sender.acked(6)
    wait_all(daemon, 4)
    assert daemon.status()["events"]["dropped"]["not_an_event"] == 1 + 1 + 7 + 2 + 2
    assert daemon.accepted() == 4


def test_damage_in_every_place_ends_the_connection_and_nothing_else(
    daemon: Daemon, stream: bytes, rng: random.Random
) -> None:
    opening = wire.PREFACE + wire.hello(stream, 1)
    frames = opening + batch(1, 1) + wire.lost(2, 3, 1) + wire.ping(7, 9, ((1, 2),)) + wire.bye(3)
    for session, position in enumerate(range(0, len(frames), 3), start=1):
        damaged = bytearray(wire.PREFACE + wire.hello(stream, session, next_seq=9) + frames[len(opening) :])
        damaged[position] ^= rng.randrange(1, 256)
        with connected(daemon.tcp("collection")) as sender:
            with contextlib.suppress(OSError):  # the daemon may have closed it already
                sender.send(bytes(damaged))
                sender.socket.shutdown(socket.SHUT_WR)
            sender.ended()
    daemon.assert_well()
    assert set(daemon.logs.seqs("native")) <= {0}


def test_marks_and_sessions_survive_the_daemon(daemon: Daemon, start_daemon: Callable[..., Daemon]) -> None:
    stream = os.urandom(16)
    with connected(daemon.tcp("collection")) as sender:
        node = sender.handshake(stream, 3).node
        sender.send(batch(1))
        sender.acked(1)
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    daemon.killed = True
    again = start_daemon("--log-path", str(daemon.logs.path))
    with connected(again.tcp("collection")) as sender:
        sender.send(wire.PREFACE, wire.hello(stream, 3))
        assert sender.expect(REFUSED).reason()[0] == 1
    with connected(again.tcp("collection")) as sender:
        welcome = sender.handshake(stream, 4, next_seq=3)
        assert (welcome.high_water, welcome.node) == (1, node)
        sender.send(batch(1), batch(2))
        sender.acked(2)
    wait_all(daemon, 6)


def test_without_a_spool_acks_mean_received(start_daemon: Callable[..., Daemon], stream: bytes) -> None:
    daemon = start_daemon("--spool", "none")
    with connected(daemon.tcp("collection")) as sender:
        assert not sender.handshake(stream, 1).durable
        sender.send(batch(1), batch(2))
        sender.acked(2)
    with connected(daemon.tcp("collection")) as sender:
        assert sender.handshake(stream, 2, next_seq=3).high_water == 2
        sender.send(batch(2), batch(3), wire.bye(3))
        assert sender.ended()[-1].kind == wire.BYE
    wait_all(daemon, 9)


def test_shutdown_says_so_and_keeps_what_was_accepted(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        for seq in range(1, 9):
            sender.send(batch(seq))
        sender.expect(ACK)
        daemon.process.send_signal(signal.SIGTERM)
        frames = sender.ended()
        assert [frame.reason()[0] for frame in frames if frame.kind == GOAWAY] == [1]
        acked = max([frame.numbers()[0] for frame in frames if frame.kind == ACK], default=1)
    daemon.wait_exit()
    seqs = daemon.logs.seqs("native")
    assert seqs == list(range(len(seqs)))
    assert len(seqs) >= acked * 3


def test_a_full_spool_gives_no_credit_and_takes_up_again(start_daemon: Callable[..., Daemon], stream: bytes) -> None:
    daemon = start_daemon("--spool-max", "1MiB")
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        for seq in range(1, 31):
            sender.send(batch(seq, pad=16_000))
            sender.acked(seq)
    wait_all(daemon, 90)


def test_a_batch_that_the_spool_can_never_take_is_dropped_and_acked(
    start_daemon: Callable[..., Daemon], stream: bytes
) -> None:
    daemon = start_daemon("--spool-max", "1MiB")
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(wire.data(1, 2, packed(event("native", 9, pad="x" * 600_000)) + packed(event("native", 8))))
        sender.acked(1)
        sender.send(batch(2, 1, "native"))
        sender.acked(2)
    wait_for("the small batch", lambda: daemon.logs.seqs("native") == [1])
    assert daemon.status()["events"]["dropped"] == {"too_large": 2}


def test_status_tells_of_streams(daemon: Daemon, stream: bytes) -> None:
    with connected(daemon.tcp("collection")) as sender:
        welcome = sender.handshake(stream, 2)
        sender.send(wire.ping(1, 40, ((1, 3), (7, 4))), batch(1))
        sender.acked(1)
        native = daemon.status()["native"]
        assert native["node"] == f"{int.from_bytes(welcome.node, 'little'):032x}"
        assert (native["connections"], native["durable"]) == (1, True)
        told = native["streams"][0]
        assert told["stream"] == f"{int.from_bytes(stream, 'little'):032x}"
        assert (told["host"], told["pid"], told["session"], told["high_water"]) == ("peer", 4121, 2, 1)
        assert (told["produced"], told["dropped"]) == (40, {"queue_full": 3, "exit": 4})
    wait_for("the connection to be gone", lambda: daemon.status()["native"]["connections"] == 0)


def test_the_unix_socket_speaks_all_that_the_port_does(
    start_daemon: Callable[..., Daemon], base: pathlib.Path, stream: bytes
) -> None:
    path = base.parent / "oxd.sock"
    daemon = start_daemon("--socket", str(path))
    assert daemon.status()["socket"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o660
    with connected(str(path)) as sender:
        sender.handshake(stream, 1)
        sender.send(batch(1))
        sender.acked(1)
    wait_all(daemon, 3)
    with connected(str(path)) as http:
        body = packed(event("posted", 1))
        head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nX-BlueOx: 1\r\nContent-Length: {len(body)}\r\n"
        http.send(head.encode() + b"Connection: close\r\n\r\n" + body)
        http.socket.settimeout(PATIENCE)
        answer = b"".join(iter(lambda: http.socket.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200 "), answer
    with daemon.context.socket(zmq.PUSH) as push:
        push.linger = 10_000
        push.connect(f"ipc://{path}")
        push.send_multipart(parts("pushed", 5))
    daemon.wait_stored("pushed", 1)
    daemon.stop()
    assert not path.exists()


def test_a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not(
    start_daemon: Callable[..., Daemon], base: pathlib.Path
) -> None:
    path = base.parent / "oxd.sock"
    first = start_daemon("--socket", str(path))
    second = Daemon(base.with_name("second"), "--socket", str(path))
    assert second.process.wait(PATIENCE) == 1
    second.kill()
    wait_for("its reason", lambda: any("another program listens on" in line for line in second.stderr))
    assert any("choose another path with --socket" in line for line in second.stderr)
    first.kill()
    assert path.exists()
    start_daemon("--socket", str(path)).stop()
    assert not path.exists()
    path.write_text("precious")
    third = Daemon(base.with_name("third"), "--socket", str(path))
    assert third.process.wait(PATIENCE) == 1
    third.kill()
    wait_for("its reason", lambda: any("is no socket; move it away" in line for line in third.stderr))
    assert path.read_text() == "precious"


def test_killed_under_load_nothing_acked_is_lost_and_nothing_is_doubled(
    start_daemon: Callable[..., Daemon], base: pathlib.Path, stream: bytes, rng: random.Random
) -> None:
    logs = ["--log-path", str(base.parent / "kept")]
    session, acked, last = 0, 0, 400
    while acked < last:
        daemon = start_daemon(*logs)
        session += 1
        with connected(daemon.tcp("collection")) as sender:
            welcome = sender.handshake(stream, session, next_seq=last + 1, ack_floor=acked)
            assert welcome.high_water >= acked, "what was acked is there after a crash"
            seq = acked = welcome.high_water
            goal = last if session > 8 else min(last, acked + rng.randrange(1, 80))
            while acked < goal:
                while seq < last and seq - acked < 8:
                    seq += 1
                    sender.send(batch(seq, pad=500))
                acked = max(acked, sender.expect(ACK).numbers()[0])
        if acked < last:
            daemon.kill()
    kept = LogPath(base.parent / "kept")
    wait_for("all events", lambda: len(kept.seqs("native")) >= 3 * last)
    assert sorted(kept.seqs("native")) == list(range(3 * last))
