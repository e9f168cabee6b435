"""Every way in which Python programs fork and end, against a real daemon: nothing is lost, nothing comes twice, no end hangs."""

from __future__ import annotations

import http.client
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from ports import free_port
from waiting import wait_for

PROGRAMS = pathlib.Path(__file__).parent / "programs"
SECONDS = 180


class Numbered:
    """What the programs noted, and what is on disk."""

    def __init__(self, base: pathlib.Path, oxd: Any) -> None:
        self.oxd = oxd
        self.notes = base / "notes"
        self.notes.mkdir()
        self.environment = {
            **os.environ,
            "NUMBERED_TO": oxd.address("collection"),
            "NUMBERED_NOTES": str(self.notes),
            "PYTHONPATH": str(PROGRAMS),
        }

    def start(self, *words: object, **more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, *map(str, words)], env={**self.environment, **more}, cwd=PROGRAMS)

    def run(self, *words: object, code: int = 0) -> None:
        process = self.start(*words)
        try:
            assert process.wait(SECONDS) == code
        finally:
            process.kill()

    def noted(self) -> dict[str, int]:
        return {note.name: int(note.read_text()) for note in self.notes.iterdir() if not note.suffix}

    def check(self, at_least: int) -> None:
        noted = self.noted()
        assert sum(noted.values()) >= at_least
        wait_for("the queue to be empty", lambda: self.oxd.status()["events"]["queued"] == 0, SECONDS)
        events = self.oxd.logs.events("numbered")
        found = Counter((event["body"]["who"], event["body"]["number"]) for event in events)
        doubled = [key for key, times in found.items() if times > 1]
        assert not doubled, f"{len(doubled)} events are there more than once"
        expected = {(who, number) for who, count in noted.items() for number in range(count)}
        lost = expected - found.keys()
        assert not lost, f"{len(lost)} of {len(expected)} events are lost, of {len({who for who, _ in lost})} processes"
        assert found.keys() == expected


@pytest.fixture
def numbered(tmp_path: pathlib.Path, oxd: Any) -> Iterator[Numbered]:
    yield Numbered(tmp_path, oxd)


def test_multiprocessing(numbered: Numbered) -> None:
    numbered.run("by_multiprocessing.py", 7, 2_000)
    numbered.check(at_least=20_000)


def test_fork_from_a_thread(numbered: Numbered) -> None:
    numbered.run("by_thread_fork.py", 8, 2_000)
    numbered.check(at_least=20_000)


def test_gevent(numbered: Numbered) -> None:
    numbered.run("by_gevent.py", 8, 2_000)
    numbered.check(at_least=20_000)


def test_gunicorn_preload(numbered: Numbered) -> None:
    port = free_port()
    words = [
        "--preload",
        "--workers",
        2,
        "--max-requests",
        100,
        "--log-level",
        "warning",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    server = numbered.start(
        "-m", "gunicorn", *words, "--graceful-timeout", SECONDS, "--timeout", SECONDS, "wsgi_app:app"
    )
    answered = 0
    deadline = time.monotonic() + SECONDS
    try:
        while answered < 400:
            assert time.monotonic() < deadline, f"{answered} requests were answered"
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                connection.request("GET", "/?50")
                answered += connection.getresponse().read() == b"ok"
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # it is starting, or a worker went away: the event's note says whether it was recorded
            finally:
                connection.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(SECONDS) == 0
    finally:
        server.kill()
    numbered.check(at_least=20_000)


@pytest.mark.parametrize(("pool", "tasks", "count"), [("prefork", 50, 400), ("threads", 40, 120), ("gevent", 40, 120)])
def test_celery(numbered: Numbered, tmp_path: pathlib.Path, pool: str, tasks: int, count: int) -> None:
    """Children that end after one task each, threads, and greenlets: nothing is lost, and no task is in another one's context."""
    folder = tmp_path / "broker"
    folder.mkdir()
    more = {"CELERY_FOLDER": str(folder), "CELERY_FORKS": "1" if pool == "prefork" else ""}
    send = "import blueox, tasks\n"
    send += f"for _ in range({tasks}):\n    with blueox.Context('sender'): tasks.record.delay({count})"
    # All is sent before the worker starts: it would trip over a message of its broker that is half written.
    sender = numbered.start("-c", send, **more)
    try:
        assert sender.wait(SECONDS) == 0
    finally:
        sender.kill()
    words = ["-m", "celery", "-A", "tasks", "worker", "--pool", pool, "--loglevel", "warning"]
    worker = numbered.start(*words, "--without-gossip", "--without-mingle", "--without-heartbeat", **more)
    try:
        wait_for("all tasks to be taken", lambda: list(numbered.noted().values()).count(count) == tasks, SECONDS)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(SECONDS) == 0
    finally:
        worker.kill()
    numbered.check(at_least=tasks * count)
    events = numbered.oxd.logs.events
    assert [event["body"]["is_own"] for event in events("around")] == [True] * tasks
    senders = sorted(event["id"] for event in events("sender"))
    assert sorted(event["id"] for event in events("celery.task")) == senders
    assert len(set(senders)) == tasks


POOLS = """
import importlib, os, sys, numbered
taken = os._exit
numbered.configure()
os._exit = taken  # what a module has that took it before
pool = importlib.import_module(sys.argv[1]).get_context("fork")
child = pool.Process(target=numbered.record, args=(500,))
child.start()
child.join()
assert child.exitcode == 0
numbered.record(500)
"""


@pytest.mark.parametrize("pool", ["multiprocessing", "billiard"])
def test_pools_that_are_imported_later(numbered: Numbered, pool: str) -> None:
    numbered.run("-c", POOLS, pool)
    numbered.check(at_least=1000)


CONFIGURED_MEANWHILE = """
import os, signal, sys, threading
import blueox
from blueox.testing import capture
harmless = [f"harmless{n}" for n in range(20_000)]  # long to take down
is_over = threading.Event()
def configure():
    while not is_over.is_set():
        blueox.configure(None, recorder=print, keep=harmless)
        blueox.shutdown(0)
thread = threading.Thread(target=configure)
thread.start()
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(int(sys.argv[1]))  # a child that hangs ends by the signal
        blueox.configure(None)
        with capture() as events, blueox.Context("after.fork"):
            pass
        os._exit(0 if events.types == ["after.fork"] else 1)
    children.append(child)
is_over.set()
thread.join()
codes = [os.waitpid(child, 0)[1] for child in children]
assert codes == [0] * 20, codes
"""


def test_a_fork_while_another_thread_configures(numbered: Numbered) -> None:
    numbered.run("-c", CONFIGURED_MEANWHILE, SECONDS // 2)


END = "import numbered, os, signal, sys, threading, time\nnumbered.configure()\nnumbered.record(500)\n"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("os._exit(4)", 4),
        ("raise ValueError", 1),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)", -signal.SIGTERM),
        ("threading.Thread(target=os._exit, args=(5,)).start(); time.sleep(600)", 5),
        ("import atexit; atexit.register(numbered.record, 10)", 0),
        ("threading.Thread(target=lambda: (time.sleep(0.2), numbered.record(10))).start()", 0),
    ],
)
def test_ends(numbered: Numbered, end: str, code: int) -> None:
    numbered.run("-c", END + end, code=code)
    numbered.check(at_least=500)


@pytest.mark.parametrize("state", ["absent", "stopped"])
@pytest.mark.parametrize("end", ["", "os._exit(0)", "os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)"])
def test_no_end_hangs(numbered: Numbered, state: str, end: str) -> None:
    """The patience is a second here; the time is not judged, but a hang is found."""
    configure = "import blueox\nhost, _, port = os.environ['NUMBERED_TO'].rpartition(':')\n"
    configure += "blueox.configure(host, int(port), exit_patience=1)\nnumbered.record(500)\n"
    program = "import numbered, os, signal, time\n" + configure
    to = f"127.0.0.1:{free_port()}" if state == "absent" else numbered.environment["NUMBERED_TO"]
    if state == "stopped":
        numbered.oxd.process.send_signal(signal.SIGSTOP)
    try:
        process = numbered.start("-c", program + end, NUMBERED_TO=to)
        try:
            process.wait(SECONDS)
        finally:
            process.kill()
    finally:
        numbered.oxd.process.send_signal(signal.SIGCONT)


def test_a_second_sigterm_while_the_end_is_sent(numbered: Numbered) -> None:
    """The daemon is held up until the signal was sent: a handler of the application swallows it, as servers' do."""
    program = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: open('terminated', 'w').close())\n"
    program += "import os\nos.chdir(os.environ['NUMBERED_NOTES'] + '/..')\n" + END + "blueox = sys.modules['blueox']\n"
    program += "assert blueox.flush(60)\nopen('ready', 'w').close()\nsys.stdin.read()\nnumbered.record(500)\nopen('leaving', 'w').close()"
    words = [sys.executable, "-c", program]
    process = subprocess.Popen(words, env=numbered.environment, cwd=PROGRAMS, stdin=subprocess.PIPE)
    folder = numbered.notes.parent
    try:
        wait_for("the first events to be sent", (folder / "ready").exists)
        numbered.oxd.process.send_signal(signal.SIGSTOP)
        assert process.stdin is not None
        process.stdin.close()
        wait_for("the program to end", (folder / "leaving").exists)
        for _ in range(200):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        numbered.oxd.process.send_signal(signal.SIGCONT)
        assert process.wait(SECONDS) == 0
    finally:
        numbered.oxd.process.send_signal(signal.SIGCONT)
        process.kill()
    numbered.check(at_least=1000)


def test_a_handler_of_the_application_stays(numbered: Numbered) -> None:
    program = "import signal, os, time\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(7))\n"
    numbered.run("-c", program + END + "os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)", code=7)
    numbered.check(at_least=500)


def test_a_signal_handler_may_record(numbered: Numbered) -> None:
    """It runs at any moment of the main thread, also while that records, flushes, or is inside of a value's own code."""
    program = """
import itertools
import blueox
stop = threading.Event()
seen = itertools.count()
def handler(*_):
    next(seen)
    numbered.record(1)
    with blueox.Context("from.handler"):
        blueox.set("x", {"y": [1]})
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.004, 0.004)
class Slow:
    def __str__(self):
        time.sleep(0.002)
        return "slow"
for _ in range(200):
    with blueox.Context("slow"):
        blueox.set("value", [Slow()])
    blueox.flush(0.01)
    blueox.stats()
signal.setitimer(signal.ITIMER_REAL, 0)
assert next(seen) > 10
"""
    numbered.run("-c", END + program)
    numbered.check(at_least=510)
