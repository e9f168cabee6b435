"""No daemon, a stopped one, one that comes late: the application goes on, memory stays within its bound, all is accounted for."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
import time
from collections import Counter
from typing import Any

import daemon as peers
import pytest
from ports import free_port
from waiting import wait_for

import blueox

MEMORY = 1 << 20
SECONDS = 180


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
    wait_for("a word about it", lambda: blueox.stats().problem, SECONDS)
    assert not blueox.flush(0.05)


def test_stopped_and_going_on(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure(host, port, memory=MEMORY)
    produce(10)
    assert blueox.flush(SECONDS)
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
    assert blueox.flush(SECONDS)
    account = assert_balanced()
    blueox.shutdown(SECONDS)
    wait_for("the queue to be empty", lambda: oxd.status()["events"]["queued"] == 0, SECONDS)
    found = Counter(event["body"]["number"] for event in oxd.logs.events("numbered"))
    assert max(found.values()) == 1, "events are there more than once"
    reports = len(oxd.logs.raw("blueox.dropped"))
    assert len(found) + reports >= account.accepted
    assert len(found) + account.dropped >= 20_010, "events were neither stored nor counted as dropped"


def test_slow_for_a_while(oxd: Any) -> None:
    """The daemon runs and stands still in turns. The time is not judged; BLUEOX_SLOW_SECONDS says how long it goes on (`make soak`: a minute)."""
    seconds = float(os.environ.get("BLUEOX_SLOW_SECONDS", "2"))
    host, port = oxd.tcp("collection")
    blueox.configure(host, port, memory=MEMORY)
    produce(10)
    assert blueox.flush(SECONDS)
    is_over = threading.Event()

    def stop_and_go_on() -> None:
        while not is_over.is_set():
            oxd.process.send_signal(signal.SIGSTOP)
            is_over.wait(0.1)
            oxd.process.send_signal(signal.SIGCONT)
            is_over.wait(0.02)

    slowing = threading.Thread(target=stop_and_go_on)
    slowing.start()
    produced, until = 10, time.monotonic() + seconds
    try:
        while time.monotonic() < until or not blueox.stats().dropped:
            produce(500, produced)
            produced += 500
            assert_balanced()
    finally:
        is_over.set()
        slowing.join()
    assert blueox.flush(SECONDS)
    account = assert_balanced()
    assert account.produced >= produced
    assert account.queued == 0
    assert account.produced == account.accepted + account.dropped
    blueox.shutdown(SECONDS)
    wait_for("the queue to be empty", lambda: oxd.status()["events"]["queued"] == 0, SECONDS)
    found = Counter(event["body"]["number"] for event in oxd.logs.events("numbered"))
    assert max(found.values()) == 1, "events are there more than once"
    assert len(found) + account.dropped >= produced, "events were neither stored nor counted as dropped"
    assert len(found) <= account.accepted, "events were stored and not counted as accepted"


def test_one_that_comes_late(tmp_path: pathlib.Path) -> None:
    port = free_port()
    blueox.configure("127.0.0.1", port)
    produce(100)
    oxd = peers.Daemon(tmp_path / "oxd", "--collect", f"127.0.0.1:{port}")
    try:
        oxd.wait_ready()
        assert blueox.flush(SECONDS)
        assert blueox.stats().is_connected
        oxd.wait_stored("numbered", 100, SECONDS)
        oxd.stop()
    finally:
        oxd.kill()


def test_configured_anew_while_contexts_are_open(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure("127.0.0.1", free_port())
    with blueox.Context("moved"):
        blueox.set("a", 1)
        blueox.configure(host, port)
    assert blueox.flush(SECONDS)
    oxd.wait_stored("moved", 1, SECONDS)


def test_shut_down_and_configured_again(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    for number in range(3):
        blueox.configure(host, port)
        produce(1, number)
        blueox.shutdown(SECONDS)
        with blueox.Context("lost"):
            blueox.set("a", 1)
    oxd.wait_stored("numbered", 3, SECONDS)
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
    assert blueox.flush(SECONDS)
    oxd.wait_stored("numbered", 4 * events, SECONDS)
    assert len(set(event["body"]["number"] for event in oxd.logs.events("numbered"))) == 4 * events
