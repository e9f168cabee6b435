"""The Rust library against a real oxd: what its processes say they produced is stored once, or counted as dropped."""

from __future__ import annotations

import json
import pathlib
import random
import signal
import subprocess
import time
from collections import Counter
from typing import Any, Callable

import pytest

import originals
from daemon import Daemon, environment, program
from ports import free_port
from waiting import PATIENCE, wait_for

Account = dict[str, int]


class Producer:
    """One run of `producer`, with its forked children."""

    def __init__(self, to: str, **options: Any) -> None:
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [program("producer"), "--to", to, *words], env=environment(), stdout=subprocess.PIPE, text=True
        )

    def wait(self, seconds: float = 2 * PATIENCE) -> list[Account]:
        """Its end, within the time; gives what each process says."""
        try:
            output, _ = self.process.communicate(timeout=seconds)
        finally:
            self.process.kill()
        assert self.process.returncode == 0
        return [json.loads(line) for line in output.splitlines()]


def total(accounts: list[Account], name: str) -> int:
    return sum(account[name] for account in accounts)


def stored(daemon: Daemon) -> Counter[str]:
    """How often each numbered event is on disk, once the daemon has written all that it took."""
    wait_for("the queue to be empty", lambda: daemon.status()["events"]["queued"] == 0)
    return Counter(event["body"]["seq"] for event in daemon.logs.events("numbered"))


def reports(daemon: Daemon) -> int:
    return len(daemon.logs.raw("blueox.dropped"))


def check(daemon: Daemon, accounts: list[Account], processes: int, events_each: int) -> None:
    """Everything that was produced is on disk, once, or counted as dropped."""
    assert len(accounts) == processes
    found = stored(daemon)
    doubled = [seq for seq, times in found.items() if times > 1]
    assert not doubled, f"{len(doubled)} events are stored more than once, such as {doubled[:3]}"
    own = reports(daemon)
    assert total(accounts, "produced") == processes * events_each + own
    assert total(accounts, "queued") == 0
    assert sum(found.values()) + own == total(accounts, "accepted")
    assert total(accounts, "accepted") + total(accounts, "dropped") == total(accounts, "produced")


@pytest.mark.parametrize("way", ["port", "socket"])
def test_threads_and_forks(start_daemon: Callable[..., Daemon], tmp_path: pathlib.Path, way: str) -> None:
    socket = tmp_path / "oxd.sock"
    daemon = start_daemon("--socket", str(socket))
    options: dict[str, Any] = {"socket": socket} if way == "socket" else {}
    accounts = Producer(daemon.address("collection"), threads=4, events=2000, forks=5, **options).wait()
    check(daemon, accounts, processes=6, events_each=4 * 2000)
    assert total(accounts, "dropped") == 0


def test_the_end_of_the_process_sends_what_is_left(daemon: Daemon) -> None:
    accounts = Producer(daemon.address("collection"), threads=2, events=3000, forks=2, end="return").wait()
    assert sum(stored(daemon).values()) == total(accounts, "produced") == 3 * 2 * 3000


def test_no_daemon_at_all(rng: random.Random) -> None:
    address = f"127.0.0.1:{free_port(rng)}"
    accounts = Producer(address, threads=4, events=20000, forks=2, memory=1 << 20, patience=1).wait()
    assert total(accounts, "produced") == total(accounts, "dropped") >= 3 * 4 * 20000
    assert total(accounts, "memory") == 0


def test_a_daemon_that_is_stopped_holds_nobody_up(daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        accounts = Producer(daemon.address("collection"), threads=4, events=5000, patience=1, memory=2 << 20).wait()
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert total(accounts, "accepted") == 0
    assert total(accounts, "produced") == total(accounts, "dropped")


def test_a_daemon_that_pauses(daemon: Daemon) -> None:
    producer = Producer(daemon.address("collection"), threads=2, events=40_000, memory=2 << 20)
    while producer.process.poll() is None:
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.15)
        daemon.process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    check(daemon, producer.wait(), processes=1, events_each=2 * 40_000)


def test_a_daemon_that_is_killed_and_comes_back(
    start_daemon: Callable[..., Daemon], tmp_path: pathlib.Path, rng: random.Random
) -> None:
    spool, log_path, address = tmp_path / "spool", tmp_path / "kept", f"127.0.0.1:{free_port(rng)}"
    arguments = ["--spool", str(spool), "--log-path", str(log_path), "--collect", address]
    daemon = start_daemon(*arguments)
    producer = Producer(address, threads=2, events=30_000, forks=1)
    for _ in range(3):
        time.sleep(0.3)
        daemon.kill()
        daemon = start_daemon(*arguments)
    daemon.logs.path = log_path
    accounts = producer.wait()
    check(daemon, accounts, processes=2, events_each=2 * 30_000)


@pytest.mark.parametrize("version", originals.versions())
def test_an_original_daemon(tmp_path: pathlib.Path, version: str) -> None:
    with originals.daemon(version, tmp_path) as original:
        accounts = Producer(original.collection, threads=2, events=500, forks=1).wait()
        assert [account["accepted"] for account in accounts] == [1000, 1000]
        original.ask("SHUTDOWN")
        wait_for("the original to write its files", lambda: len(original.logs.raw("numbered")) == 2000)
    found = Counter(event["body"]["seq"] for event in original.logs.events("numbered"))
    expected = {f"{account['pid']}-{thread}-{n}" for account in accounts for thread in range(2) for n in range(500)}
    assert found == Counter(expected)
