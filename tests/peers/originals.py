"""The original BlueOx under Python 2.7, in the environments that setup.sh makes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any

import msgpack
import zmq

from logfiles import LogPath
from ports import free_port
from waiting import PATIENCE

HERE = pathlib.Path(__file__).resolve().parent
VERSIONS = ("0.11.3", "0.4.2")


def venv(version: str) -> pathlib.Path:
    venvs = pathlib.Path(os.environ.get("BLUEOX_VENVS", HERE.parents[1] / ".venvs"))
    return venvs.absolute() / f"orig-{version}"


def versions() -> list[str]:
    """Those that are installed; setup.sh leaves `made-from` when an environment is complete."""
    return [version for version in VERSIONS if (venv(version) / "made-from").exists()]


def program(version: str, name: str) -> str:
    return str(venv(version) / "bin" / name)


def environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BLUEOX_", "PYTHON"))}
    return {**kept, "TZ": "UTC", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def run(version: str, name: str, *args: object, codes: tuple[int, ...] = (0,), **popen: Any) -> bytes:
    """Runs an original tool to its end and gives what it printed."""
    command = [program(version, name), *map(str, args)]
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, capture_output=True, timeout=2 * PATIENCE, env=environment(), **popen
    )
    assert done.returncode in codes, f"original {name} exited {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout


class Running:
    """A tool that prints lines until it is killed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def lines(self) -> list[bytes]:
        """Grows while the tool prints."""
        stdout, out = self.process.stdout, list[bytes]()
        assert stdout is not None
        threading.Thread(target=lambda: out.extend(stdout), daemon=True).start()
        return out


@contextlib.contextmanager
def started_command(command: list[str], env: Mapping[str, str], stdin: int = subprocess.DEVNULL) -> Iterator[Running]:
    process = subprocess.Popen(command, env=env, stdin=stdin, stdout=subprocess.PIPE)
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def started(version: str, name: str, *args: object, **popen: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([program(version, name), *map(str, args)], env=environment(), **popen)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


class Client:
    """An application that uses the original library: py2/application.py, told by its standard input what to do."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def emit(self, first: int, count: int) -> int:
        """Runs requests numbered from `first`; gives the number of events that they made."""
        stdin, stdout = self._pipes()
        stdin.write(b"%d %d\n" % (first, count))
        stdin.flush()
        answer = stdout.readline()
        assert answer, "the original's client ended"
        return int(answer)

    def end(self) -> None:
        stdin, _ = self._pipes()
        stdin.close()
        assert self.process.wait(PATIENCE) == 0

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout


@contextlib.contextmanager
def client(version: str, address: str, copy: pathlib.Path) -> Iterator[Client]:
    """Its events go to `address`, and what its encoder gave also to the file `copy`."""
    host, port = address.split(":")
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with started(version, "python", HERE / "py2" / "application.py", host, port, copy, **pipes) as process:
        yield Client(process)


class OriginalDaemon:
    def __init__(self, base: pathlib.Path) -> None:
        self.logs = LogPath(base / "original-logs")
        self.collection = f"127.0.0.1:{free_port()}"
        self.control = f"127.0.0.1:{free_port()}"
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def ask(self, command: str) -> Any:
        with self.context.socket(zmq.REQ) as sock:
            sock.linger = 0
            sock.rcvtimeo = int(PATIENCE * 1000)
            sock.connect(f"tcp://{self.control}")
            sock.send(msgpack.packb({"cmd": command}, use_bin_type=False))
            return msgpack.unpackb(sock.recv(), raw=False)


@contextlib.contextmanager
def daemon(version: str, base: pathlib.Path) -> Iterator[OriginalDaemon]:
    """An original oxd; SHUTDOWN (`ask`) makes it write out its files."""
    original = OriginalDaemon(base)
    args = ("-c", original.collection, "-t", original.control, "-l", original.logs.path)
    try:
        with started(version, "oxd", *args):
            original.ask("STATUS")
            yield original
    finally:
        original.context.destroy(linger=0)
