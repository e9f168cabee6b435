"""The original's tools with our daemon, and our tools with the original's daemon."""

from __future__ import annotations

import ast
import json
import os
import pathlib
import pty
from typing import Any, Callable

import pytest
import zmq

import originals
from daemon import Daemon, json_lines, program, tool
from daemon import environment as our_environment
from events import HOST, parts
from originals import started_command
from ports import free_port
from waiting import wait_for

VERSIONS = pytest.mark.parametrize("version", originals.versions())
ONLY_LAST = pytest.mark.skipif("0.11.3" not in originals.versions(), reason="the original 0.11.3 is not installed")
LAST = "0.11.3"


def shown(version: str, output: bytes) -> list[Any]:
    """What an original oxview printed: JSON lines, in 0.4.2 Python literals."""
    if version == LAST:
        return json_lines(output)
    return [ast.literal_eval(line) for line in output.decode().splitlines()]


# the original's tools with our daemon


@VERSIONS
def test_its_oxview_reads_our_files(daemon: Daemon, version: str) -> None:
    daemon.push(*(parts("viewed", seq, words="caf\u00e9") for seq in range(500)))
    daemon.wait_stored("viewed", 500)
    with daemon.logs.today("viewed").open("rb") as file:
        output = originals.run(version, "oxview", stdin=file)
    assert [event["body"]["seq"] for event in shown(version, output)] == list(range(500))


@VERSIONS
@pytest.mark.parametrize(("name", "types"), [(None, 3), ("live.a", 1), ("live.a*", 2)])
def test_its_oxview_follows_our_daemon(daemon: Daemon, version: str, name: str | None, types: int) -> None:
    command = [originals.program(version, "oxview"), "-H", daemon.address("control")]
    command += ["-n", name] if name else []
    master, terminal = pty.openpty()  # 0.4.2 looks at a daemon only where its input is a terminal
    try:
        with started_command(command, originals.environment(), stdin=terminal) as viewer:
            lines = viewer.lines()
            seq = 0
            with daemon.socket(zmq.PUSH, "collection") as sock:

                def seen() -> bool:
                    nonlocal seq
                    sock.send_multipart(parts(("live.a", "live.a.child", "live.b")[seq % 3], seq))
                    seq += 1
                    return len(lines) >= 30

                wait_for("30 events in oxview", seen)
    finally:
        os.close(master)
        os.close(terminal)
    got = [event["body"]["seq"] for event in shown(version, b"".join(lines))]
    wanted = [number for number in range(seq) if number % 3 < types or name is None]
    first = wanted.index(got[0])
    assert got == wanted[first : first + len(got)]


@VERSIONS
def test_its_oxctl_shows_our_status(daemon: Daemon, version: str) -> None:
    def status(*args: str) -> bytes:
        return originals.run(version, "oxctl", "-H", daemon.address("control"), *args)

    assert b"Host: " in status()  # before anything has come
    daemon.push(parts("shown", 1), parts("shown.child", 2))
    daemon.wait_stored("shown.child", 1)
    lines = status().decode().splitlines()
    for word in ("shown", "shown.child", HOST, "Last:", "Lag:"):
        assert any(word in line for line in lines), f"{word} is not in {lines}"
    raw = status("--raw")
    reply = json.loads(raw) if version == LAST else ast.literal_eval(raw.decode())
    assert set(reply["events"]) == {"shown", "shown.child"}
    assert set(reply["hosts"]) == {HOST}


@VERSIONS
def test_shutdown_as_its_library_would_ask(start_daemon: Callable[..., Daemon], version: str) -> None:
    daemon = start_daemon()
    script = (
        "import sys, zmq, msgpack; s = zmq.Context().socket(zmq.REQ); s.connect('tcp://' + sys.argv[1]);"
        "s.send(msgpack.packb({'cmd': 'SHUTDOWN'})); print(msgpack.unpackb(s.recv()))"
    )
    output = originals.run(version, "python", "-c", script, daemon.address("control"))
    assert output == b"{'ok': True}\n"
    daemon.wait_exit()


@ONLY_LAST
def test_its_oxingest_sends_to_our_daemon(daemon: Daemon) -> None:
    lines = [f"line {number} caf\u00e9" for number in range(500)]
    feed = "\n".join(lines).encode() + b"\n"
    originals.run(LAST, "oxingest", "-H", daemon.address("collection"), "ingested", input=feed)
    daemon.wait_stored("ingested", 500)
    assert [event["body"]["data"] for event in daemon.logs.events("ingested")] == lines


@ONLY_LAST
def test_its_oxingest_follows_a_file_to_our_daemon(daemon: Daemon, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.txt"
    log.touch()
    args = ("-H", daemon.address("collection"), "-F", f"followed:{log}")
    with originals.started(LAST, "oxingest", *args), log.open("a") as file:

        def arrived() -> bool:
            file.write("one more line\n")
            file.flush()
            return len(daemon.logs.events("followed")) >= 5

        wait_for("lines of the file", arrived)
    assert {event["body"]["data"] for event in daemon.logs.events("followed")} == {"one more line"}


@ONLY_LAST
def test_an_original_daemon_forwards_to_ours(daemon: Daemon, tmp_path: pathlib.Path) -> None:
    collect, control = (f"127.0.0.1:{free_port()}" for _ in range(2))
    args = ("-c", collect, "-t", control, "-r", daemon.address("collection"))
    with originals.started(LAST, "oxd", *args), originals.client(LAST, collect, tmp_path / "copy") as client:
        made = client.emit(0, 100)
        wait_for("the forwarded events", lambda: len(daemon.logs.all_raw()) == made)
        client.end()
    assert daemon.logs.seqs("request") == list(range(100))


# our tools and daemon with the original's daemon


@VERSIONS
def test_our_oxview_reads_its_files(version: str, tmp_path: pathlib.Path) -> None:
    with originals.daemon(version, tmp_path) as original:
        with originals.client(version, original.collection, tmp_path / "copy") as client:
            # with their sub-events fewer than what a client of 0.4.2 queues, beyond which it drops
            client.emit(0, 40)
            client.end()
        wait_for("the events to arrive", lambda: "request" in original.ask("STATUS")["events"])
        original.ask("SHUTDOWN")
        wait_for("its files", lambda: len(original.logs.raw("request")) == 40)
    (file,) = original.logs.files("request")
    for output in (
        tool("oxview", file),
        tool("oxview", stdin=file.read_bytes()),
        tool("oxview", "-l", original.logs.path, "-n", "request"),
    ):
        events = json_lines(output)
        assert [event["body"]["seq"] for event in events] == list(range(40))
        assert {event["body"]["latin"] for event in events} == {"caf\\xe9"}
        assert events == original.logs.events("request")


@VERSIONS
def test_our_oxview_follows_its_daemon(version: str, tmp_path: pathlib.Path) -> None:
    with (
        originals.daemon(version, tmp_path) as original,
        originals.client(version, original.collection, tmp_path / "copy") as client,
        started_command([program("oxview"), "-H", original.control, "-n", "request"], our_environment()) as viewer,
    ):
        lines = viewer.lines()
        seq = 0

        def seen() -> bool:
            nonlocal seq
            client.emit(seq, 1)
            seq += 1
            return len(lines) >= 20

        wait_for("20 events in oxview", seen)
    got = [event["body"]["seq"] for event in json_lines(b"".join(lines))]
    assert got == list(range(got[0], got[0] + len(got)))
