"""`oxingest` against a real oxd: files that are rotated, and a daemon that is killed, lose no line and double none."""

from __future__ import annotations

import os
import pathlib
import random
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from daemon import Daemon, environment, program
from ports import free_port
from waiting import wait_for

Ingest = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    """Starts `oxingest`; what still runs at the end is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        command = [program("oxingest"), *map(str, arguments)]
        running.append(subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def stored(daemon: Daemon, type_name: str) -> Counter[str]:
    return Counter(event["body"]["data"] for event in daemon.logs.events(type_name))


def wait_until_stored(daemon: Daemon, line: str) -> None:
    wait_for(line, lambda: line in stored(daemon, "app"))


def append(path: pathlib.Path, lines: range) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"line {n}\n" for n in lines)


def rotate(path: pathlib.Path, way: str, number: int) -> None:
    if way == "rename":
        path.rename(path.with_suffix(f".{number}"))
    elif way == "copytruncate":
        shutil.copy(path, path.with_suffix(f".{number}"))
        os.truncate(path, 0)
    else:
        path.unlink()


@pytest.mark.parametrize("way", ["rename", "copytruncate", "unlink"])
def test_rotation(daemon: Daemon, ingest: Ingest, tmp_path: pathlib.Path, way: str) -> None:
    path = tmp_path / "app.log"
    path.write_text("before\n")
    follower = ingest("-H", daemon.address("collection"), "-F", path, "--from-start", "--drain", "60s")
    wait_until_stored(daemon, "before")
    for number in range(5):
        append(path, range(number * 500, (number + 1) * 500))
        # What is truncated before it was read is gone for anybody.
        wait_until_stored(daemon, f"line {number * 500 + 499}")
        rotate(path, way, number)
    append(path, range(2500, 3000))
    wait_until_stored(daemon, "line 2999")
    follower.send_signal(signal.SIGTERM)
    _, said = follower.communicate(timeout=60)
    assert (follower.returncode, said) == (0, b"")
    assert stored(daemon, "app") == {"before": 1, **{f"line {n}": 1 for n in range(3000)}}


def test_a_daemon_that_is_killed_and_comes_back(
    start_daemon: Callable[..., Daemon], ingest: Ingest, tmp_path: pathlib.Path, rng: random.Random
) -> None:
    address = f"127.0.0.1:{free_port(rng)}"
    arguments = ["--spool", str(tmp_path / "spool"), "--log-path", str(tmp_path / "kept"), "--collect", address]
    daemon = start_daemon(*arguments)
    path = tmp_path / "app.log"
    path.touch()
    follower = ingest("-H", address, "-F", f"shop.web:{path}", "--drain", "60s", "--from-start")
    for number in range(3):
        append(path, range(number * 2000, (number + 1) * 2000))
        daemon.kill()
        daemon = start_daemon(*arguments)
    follower.send_signal(signal.SIGTERM)
    _, said = follower.communicate(timeout=90)
    assert (follower.returncode, said) == (0, b"")
    daemon.logs.path = tmp_path / "kept"
    wait_for("the queue to be empty", lambda: daemon.status()["events"]["queued"] == 0)
    found = stored(daemon, "shop.web")
    assert [line for line, times in found.items() if times > 1] == []
    assert found == {f"line {n}": 1 for n in range(6000)}
