"""One oxd of ours: started, asked, stopped."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import zmq

from events import parts
from logfiles import LogPath
from waiting import PATIENCE, wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
PORTS = ("collection", "control", "streaming")
LISTENING = re.compile(r"listening\b.*\bport=\"?(\w+)\"?.*\baddress=\"?([0-9.]+:[0-9]+)")
RSS_LIMIT = 64 * 1024 * 1024
# The type of the daemon's own events, which tell of drops.
REPORTS = "blueox.dropped"


def program(name: str) -> str:
    directory = pathlib.Path(os.environ.get("BLUEOX_BIN_DIR", TOP / "target" / "debug"))
    path = directory / name
    assert path.exists(), f"there is no {path}: build it, or name the directory in BLUEOX_BIN_DIR"
    return str(path.absolute())


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BLUEOX_", "RUST_LOG"))}
    return {**kept, "NO_COLOR": "1", "TZ": "UTC"}


def tool(name: str, *args: object, stdin: bytes | None = None, codes: tuple[int, ...] = (0,)) -> bytes:
    """Runs a tool of ours to its end and gives what it printed; without `stdin` it reads /dev/null."""
    feed: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    command = [program(name), *map(str, args)]
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, capture_output=True, timeout=2 * PATIENCE, env=environment(), **feed
    )
    assert done.returncode in codes, f"{name} exited {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def json_lines(output: bytes) -> list[Any]:
    return [json.loads(line) for line in output.decode().splitlines()]


class Daemon:
    def __init__(self, base: pathlib.Path, *args: str, open_files: int | None = None, logs: bool = True) -> None:
        """`base` becomes the working directory, and holds the log path and nothing else. Without `logs` it is an agent:
        it has a spool, and `args` say where it forwards to."""
        self.base = base
        self.logs = LogPath(base / "logs")
        self.stderr: list[str] = []
        self.killed = False
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._ports: dict[str, str] = {}
        ports = ["--collect", "127.0.0.1:0", "--control", "127.0.0.1:0"]
        # small, as hundreds of daemons are started; the last of several equal flags counts
        keeps = ["--log-path", "logs"] if logs else ["--spool", "spool"]
        command = [program("oxd"), *ports, *keeps, "--spool-max", "32MiB", *args]
        if open_files is not None:
            command = ["sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh", *command]
        base.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            command,
            cwd=base,
            env={**environment(), "XDG_STATE_HOME": str(base / "state")},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr.append(line.rstrip("\n"))
            found = LISTENING.search(line)
            if found:
                self._ports[found[1]] = found[2]

    def wait_ready(self) -> Daemon:
        def ready() -> bool:
            self.assert_alive()
            return all(name in self._ports for name in PORTS)

        wait_for("the daemon to announce its ports", ready)
        return self

    def address(self, port: str) -> str:
        return self._ports[port]

    def tcp(self, port: str) -> tuple[str, int]:
        host, number = self._ports[port].split(":")
        return host, int(number)

    # asking it

    def http(
        self, port: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._ports[port], timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()

    def status(self) -> dict[str, Any]:
        code, body = self.http("control", "GET", "/v1/status")
        assert code == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    @contextlib.contextmanager
    def socket(self, kind: int, port: str) -> Iterator[zmq.Socket[bytes]]:
        sock = self.context.socket(kind)
        sock.linger = int(PATIENCE * 1000)
        sock.rcvtimeo = sock.sndtimeo = int(PATIENCE * 1000)
        try:
            if kind == zmq.SUB:
                sock.setsockopt(zmq.SUBSCRIBE, b"")
            sock.connect(f"tcp://{self._ports[port]}")
            yield sock
        finally:
            sock.close()

    def ask(self, request: bytes | dict[str, Any]) -> Any:
        """One command over REQ, as original tools send it."""
        with self.socket(zmq.REQ, "control") as sock:
            sock.linger = 0
            sock.send(request if isinstance(request, bytes) else msgpack.packb(request, use_bin_type=False))
            return msgpack.unpackb(sock.recv(), raw=False)

    def push(self, *messages: list[bytes]) -> None:
        with self.socket(zmq.PUSH, "collection") as sock:
            for message in messages:
                sock.send_multipart(message)

    def accepted(self) -> int:
        """How many events of others it accepted: without its own reports of drops, which come when they will."""
        status = self.status()
        # the counts by type are of one instant, the sum of all events is not
        others = sum(seen["count"] for name, seen in status["types"].items() if name != REPORTS)
        return int(others + status["types_not_listed"])

    def wait_accepted(self, count: int, seconds: float = PATIENCE) -> None:
        wait_for(f"{count} events to be accepted", lambda: self.accepted() >= count, seconds)
        assert self.accepted() == count
        assert self.status()["events"]["accepted"] >= count

    def wait_stored(self, type_name: str, count: int, seconds: float = PATIENCE) -> None:
        wait_for(f"{count} events of {type_name}", lambda: len(self.logs.raw(type_name)) >= count, seconds)

    # how it is

    def memory_peak(self) -> int:
        """The highest resident size so far, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) * 1024

    def assert_alive(self) -> None:
        assert self.process.poll() is None, f"the daemon exited {self.process.returncode}: " + "\n".join(self.stderr)

    def assert_well(self, seq: int = 1, seconds: float = PATIENCE) -> None:
        """It lives, answers, keeps to its directory and its memory, and the next good event lands."""
        self.assert_alive()
        self.push(parts("probe", seq))
        wait_for("the next good event to land", lambda: seq in self.logs.seqs("probe"), seconds)
        assert self.accepted() >= 1
        outside = [path.name for path in self.base.iterdir() if path.name != "logs"]
        assert not outside, f"the daemon wrote outside its log path: {outside}"
        assert self.memory_peak() < RSS_LIMIT, f"{self.memory_peak() >> 20} MiB resident"
        self.assert_alive()

    # ending it

    def stop(self) -> None:
        """By SIGTERM; the daemon has to leave with code 0."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_exit()

    def wait_exit(self) -> None:
        code = self.process.wait(PATIENCE)
        self._reader.join(5)
        assert code == 0, f"the daemon exited {code}: " + "\n".join(self.stderr)

    def kill(self) -> None:
        self.killed = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.context.destroy(linger=0)


def raise_open_files() -> int:
    """Lifts this process to its hard limit of open files (daemons inherit it) and gives that limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = hard if hard != resource.RLIM_INFINITY else 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit
