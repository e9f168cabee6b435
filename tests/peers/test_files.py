"""Day files under what happens to them: rotation, removal, full disks, signals, a second daemon."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import zmq

from daemon import Daemon, environment, program, tool
from events import parts
from logfiles import decode, split
from waiting import PATIENCE, wait_for


def test_a_removed_file_is_made_anew(daemon: Daemon) -> None:
    daemon.push(parts("gone", 1))
    daemon.wait_stored("gone", 1)
    path = daemon.logs.today("gone")
    path.unlink()
    landed = sends_until_seen(daemon, "gone", path)
    assert landed >= 2


def test_a_renamed_file_is_left_alone(daemon: Daemon) -> None:
    daemon.push(parts("moved", 1))
    daemon.wait_stored("moved", 1)
    path = daemon.logs.today("moved")
    moved = path.rename(path.with_name("moved.old"))
    last = sends_until_seen(daemon, "moved", path)
    # nothing is lost between the two
    both = split(moved.read_bytes()) + split(path.read_bytes())
    assert [decode(value)["body"]["seq"] for value in both] == list(range(1, last + 1))


def sends_until_seen(daemon: Daemon, type_name: str, path: pathlib.Path) -> int:
    """Sends one numbered event after another until one stands under the name; gives its number."""
    number = 1

    def seen() -> bool:
        nonlocal number
        number += 1
        daemon.push(parts(type_name, number))
        wait_for("the event to be stored", lambda: daemon.status()["events"]["stored"] == number)
        return path.exists() and number in daemon.logs.seqs(type_name)

    wait_for("an event to land in a new file", seen)
    return number


def test_hours_are_in_the_names(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--rotate-hours", "1")
    before = datetime.datetime.now(datetime.timezone.utc)
    daemon.push(parts("hourly", 1))
    wait_for("the event", lambda: daemon.status()["events"]["stored"] == 1)
    after = datetime.datetime.now(datetime.timezone.utc)
    names = {f"{when:%Y%m%d}/hourly-{when:%Y%m%d%H}.log" for when in (before, after)}
    found = {str(path.relative_to(daemon.logs.path)) for path in daemon.logs.path.rglob("*.log")}
    assert len(found) == 1
    assert found <= names


def test_hang_up_loses_nothing(daemon: Daemon) -> None:
    for number in range(50):
        daemon.push(*[parts("hup", number * 20 + step) for step in range(20)])
        daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_stored("hup", 1000)
    assert sorted(daemon.logs.seqs("hup")) == list(range(1000))


def test_a_stop_writes_what_was_received(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    with daemon.socket(zmq.PUSH, "collection") as push:
        for number in range(20_000):
            push.send_multipart(parts("stop", number))
        wait_for("some of them to be accepted", lambda: daemon.accepted() > 0)
        daemon.wait_accepted(20_000)
        daemon.stop()
    assert sorted(daemon.logs.seqs("stop")) == list(range(20_000))


def full_disk(daemon: Daemon) -> pathlib.Path:
    """Every write to the day file of the type `full` fails."""
    full = daemon.logs.today("full")
    full.parent.mkdir(parents=True, exist_ok=True)
    full.symlink_to("/dev/full")
    daemon.push(parts("full", 1))
    wait_for("status to say so", lambda: daemon.status()["disk"]["state"] == "failing")
    assert "No space left" in daemon.status()["disk"]["error"]
    assert daemon.http("control", "GET", "/readyz")[0] == 503
    return full


def test_a_full_disk_is_survived(daemon: Daemon) -> None:
    assert daemon.http("control", "GET", "/readyz") == (200, b"ready\n")
    full = full_disk(daemon)
    code, why = daemon.http("control", "GET", "/readyz")
    assert (code, b"No space left" in why) == (503, True), why
    assert daemon.http("control", "GET", "/healthz") == (200, b"ok\n"), "it lives, and takes events"
    # the spool is well: what it takes is safe
    code, body = daemon.http("collection", "POST", "/v1/events", b'{"type": "full", "body": {"seq": 2}}')
    assert (code, json.loads(body)["durable"]) == (200, True), body
    full.unlink()
    wait_for("it to work again", lambda: daemon.status()["disk"]["state"] == "ok")
    assert daemon.http("control", "GET", "/readyz") == (200, b"ready\n")
    daemon.wait_stored("full", 2)
    assert daemon.status()["events"]["dropped"] == {}


def test_a_full_disk_is_survived_without_a_spool(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon("--spool", "none")
    assert daemon.status()["spool"] is None
    full = full_disk(daemon)
    code, body = daemon.http("collection", "POST", "/v1/events", b'{"type": "full", "body": {"seq": 2}}')
    assert (code, json.loads(body)["accepted"]) == (503, 1), body
    # other types go on meanwhile
    daemon.push(parts("other", 1))
    daemon.wait_stored("other", 1)
    full.unlink()
    wait_for("it to work again", lambda: daemon.status()["disk"]["state"] == "ok")
    daemon.wait_stored("full", 1)
    assert daemon.status()["events"]["dropped"] == {}


@pytest.fixture
def small_disk(tmp_path: pathlib.Path, measured: Callable[[str], None]) -> Iterator[pathlib.Path | None]:
    """A file system of 4 MiB, where one can be mounted."""
    path = tmp_path / "small"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path], capture_output=True, check=False)
    if mounted.returncode:
        measured("test_a_small_disk_fills_up did not run: no file system can be mounted here")
        yield None
        return
    yield path
    # lazily: on a failure the daemon still writes there
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(daemon: Daemon, small_disk: pathlib.Path, sent: int) -> None:
    daemon.logs.path = small_disk / "logs"
    with daemon.socket(zmq.PUSH, "collection") as push:
        for number in range(sent):
            push.send_multipart(parts("fill", number, filler="x" * 1000))
    daemon.wait_accepted(sent)


def test_a_small_disk_fills_up(start_daemon: Callable[..., Daemon], small_disk: pathlib.Path | None) -> None:
    if small_disk is None:
        return
    # the last --log-path counts
    daemon, sent = start_daemon("--spool", "none", "--log-path", str(small_disk / "logs")), 30_000
    fill(daemon, small_disk, sent)
    wait_for("events to be counted", lambda: daemon.status()["events"]["dropped"].get("disk", 0) > 0)
    daemon.assert_alive()
    kept = daemon.logs.today("fill")
    stored = len(kept.read_bytes())
    with kept.open("r+b") as file:
        file.truncate(0)
    wait_for("writing to go on", lambda: daemon.status()["disk"]["state"] == "ok")

    def balanced() -> bool:
        events = daemon.status()["events"]
        return bool(events["accepted"] == events["stored"] + events["dropped"]["disk"])

    # a report of drops may be on its way to its file at any time
    wait_for("all to be stored or counted", balanced)
    assert stored > 3 << 20
    daemon.push(parts("fill", sent))
    wait_for("the next good event", lambda: sent in daemon.logs.seqs("fill"))


def test_a_spool_bridges_a_full_log_path(
    start_daemon: Callable[..., Daemon], small_disk: pathlib.Path | None, tmp_path: pathlib.Path
) -> None:
    if small_disk is None:
        return
    spool = tmp_path / "spool"
    daemon, sent = start_daemon("--spool", str(spool), "--log-path", str(small_disk / "logs")), 10_000
    fill(daemon, small_disk, sent)
    wait_for("the log path to be full", lambda: daemon.status()["disk"]["state"] == "failing")
    first = daemon.logs.today("fill").read_bytes()
    daemon.logs.today("fill").rename(small_disk / "moved")
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    wait_for("the queue to be written", lambda: daemon.status()["events"]["queued"] == 0)
    events = daemon.status()["events"]
    assert (events["stored"], events["dropped"]) == (sent, {})
    seqs = [decode(value)["body"]["seq"] for value in split(first)] + daemon.logs.seqs("fill")
    assert seqs == list(range(sent))


def test_a_killed_daemon_loses_and_doubles_nothing(start_daemon: Callable[..., Daemon], tmp_path: pathlib.Path) -> None:
    spool, log_path = tmp_path / "spool", tmp_path / "kept"
    arguments = ("--spool", str(spool), "--log-path", str(log_path))
    acknowledged: list[int] = []
    number = 0
    for _ in range(5):
        daemon = start_daemon(*arguments)
        daemon.logs.path = log_path
        for _ in range(20):
            batch = range(number, number + 50)
            number += 50
            lines = "".join(json.dumps({"type": "kill", "body": {"seq": seq}}) + "\n" for seq in batch)
            code, body = daemon.http("collection", "POST", "/v1/events", lines.encode())
            assert code == 200, body
            acknowledged.extend(batch)
        daemon.kill()
    daemon = start_daemon(*arguments)
    daemon.logs.path = log_path
    wait_for("what was left to be written", lambda: daemon.status()["events"]["queued"] == 0)
    assert daemon.logs.seqs("kill") == acknowledged


def test_a_log_path_that_cannot_be_made_is_refused_at_once(tmp_path: pathlib.Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    failed = run_oxd("--log-path", in_the_way / "logs")
    assert failed.returncode == 1
    assert "choose another --log-path" in failed.stderr


def test_a_second_daemon_is_refused(daemon: Daemon) -> None:
    failed = run_oxd("--log-path", daemon.logs.path)
    assert failed.returncode == 1
    assert "another oxd writes to" in failed.stderr


def test_a_taken_port_is_named(daemon: Daemon, tmp_path: pathlib.Path) -> None:
    failed = run_oxd("--log-path", tmp_path / "logs", "--collect", daemon.address("collection"))
    assert failed.returncode == 1
    assert daemon.address("collection") in failed.stderr
    assert "is another oxd running?" in failed.stderr


def run_oxd(*args: object) -> subprocess.CompletedProcess[str]:
    command = [program("oxd"), "--collect", "127.0.0.1:0", "--control", "127.0.0.1:0", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment(), check=False)


def test_a_configuration_file_counts_and_its_mistakes_are_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "oxd.toml"
    path.write_text('collect = "127.0.0.1:0"\nrotate-hour = 2\n')
    failed = run_oxd("--config", path, "--check-config")
    assert failed.returncode == 78
    assert "line 2" in failed.stderr
    assert "did you mean rotate-hours?" in failed.stderr
    path.write_text("rotate-hours = 2\n")
    assert run_oxd("--config", path, "--check-config").returncode == 0


def test_a_watcher_gets_what_it_asks_for(daemon: Daemon) -> None:
    url = f"http://{daemon.address('control')}/v1/live?type=watch*&filter=seq%20%3E%3D%205"
    command = ["curl", "--silent", "--no-buffer", url]
    watcher: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert watcher.stdout is not None
        os.set_blocking(watcher.stdout.fileno(), True)
        assert watcher.stdout.readline() == b"\n"  # a sign of life: it watches
        daemon.push(*[parts(name, seq) for seq in range(10) for name in ("watched", "other")])
        seen: list[dict[str, Any]] = [json.loads(watcher.stdout.readline()) for _ in range(5)]
        assert [(event["type"], event["body"]["seq"]) for event in seen] == [("watched", seq) for seq in range(5, 10)]
        assert daemon.status()["watchers"][0]["sent"] == 5
    finally:
        watcher.terminate()
        watcher.wait()


def test_a_bad_filter_is_explained(daemon: Daemon) -> None:
    code, body = daemon.http("control", "GET", "/v1/live?filter=duration%20%3E%20250msec")
    answer = json.loads(body)
    assert code == 400
    assert answer["span"] == [11, 18]
    assert answer["suggestion"] == "250ms"


def test_shutdown_by_oxctl_ends_well(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    daemon.push(parts("last", 1))
    daemon.wait_accepted(1)
    tool("oxctl", "-H", daemon.address("control"), "shutdown", "--drain", "5s")
    daemon.wait_exit()
    assert daemon.logs.seqs("last") == [1]
