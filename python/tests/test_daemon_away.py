"""No daemon, a stopped one, one that comes late: the application goes on, memory stays within its bound, all is accounted for."""

from __future__ import annotations

import pathlib
import signal
import threading
from collections import Counter
from typing import Any

import daemon as peers
import pytest
from ports import free_port
from waiting import wait_for

import blueox

MEMORY = 1 << 20


def produce(count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        with blueox.Context("numbered"):
            blueox.set("number", number)
            blueox.set("padding", "x" * 200)


def assert_balanced() -> blueox.Stats:
    account = blueox.stats()
    assert account.produced == account.accepted + account.dropped + account.queued
    assert account.memory <= MEMORY
    return account


def test_absent() -> None:
    blueox.configure("127.0.0.1", free_port(), memory=MEMORY, exit_patience=0.1)
    produce(20_000)
    account = assert_balanced()
    assert account.produced >= 20_000
    assert account.dropped_queue_full > 0
    assert account.accepted == 0
    wait_for("a word about it", lambda: blueox.stats().problem)
    assert not blueox.flush(0.05)


def test_stopped_and_going_on(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure(host, port, memory=MEMORY)
    produce(10)
    assert blueox.flush(60)
    oxd.process.send_signal(signal.SIGSTOP)
    try:
        threads = [threading.Thread(target=produce, args=(10_000, first)) for first in (10, 10_010)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert assert_balanced().dropped_queue_full > 0
    finally:
        oxd.process.send_signal(signal.SIGCONT)
    assert blueox.flush(60)
    account = assert_balanced()
    blueox.shutdown(60)
    wait_for("the queue to be empty", lambda: oxd.status()["events"]["queued"] == 0)
    found = Counter(event["body"]["number"] for event in oxd.logs.events("numbered"))
    assert max(found.values()) == 1, "events are there more than once"
    reports = len(oxd.logs.raw("blueox.dropped"))
    assert len(found) + reports >= account.accepted
    assert len(found) + account.dropped >= 20_010, "events were neither stored nor counted as dropped"


def test_one_that_comes_late(tmp_path: pathlib.Path) -> None:
    port = free_port()
    blueox.configure("127.0.0.1", port)
    produce(100)
    oxd = peers.Daemon(tmp_path / "oxd", "--collect", f"127.0.0.1:{port}")
    try:
        oxd.wait_ready()
        assert blueox.flush(60)
        assert blueox.stats().is_connected
        oxd.wait_stored("numbered", 100, 60)
        oxd.stop()
    finally:
        oxd.kill()


def test_configured_anew_while_contexts_are_open(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure("127.0.0.1", free_port())
    with blueox.Context("moved"):
        blueox.set("a", 1)
        blueox.configure(host, port)
    assert blueox.flush(60)
    oxd.wait_stored("moved", 1, 60)


def test_shut_down_and_configured_again(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    for number in range(3):
        blueox.configure(host, port)
        produce(1, number)
        blueox.shutdown(60)
        with blueox.Context("lost"):
            blueox.set("a", 1)
    oxd.wait_stored("numbered", 3, 60)
    assert not oxd.logs.raw("lost")


@pytest.mark.parametrize("events", [5_000])
def test_many_threads(oxd: Any, events: int) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure(host, port)
    threads = [threading.Thread(target=produce, args=(events, first * events)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blueox.flush(60)
    oxd.wait_stored("numbered", 4 * events, 60)
    assert len(set(event["body"]["number"] for event in oxd.logs.events("numbered"))) == 4 * events
