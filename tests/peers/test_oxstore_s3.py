"""oxstore and oxview with a real S3 server (s3s-fs; `make test-s3` installs it)."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from daemon import environment, json_lines, program
from link import Link
from ports import free_port
from s3_server import SERVER
from waiting import PATIENCE, wait_for

NOON = 1_331_640_000.0
LONG_AGO = 1_400_000_000
BUCKET = "s3://logs/shop"


class Server:
    def __init__(self, root: pathlib.Path) -> None:
        self.port = free_port()
        self.root = root
        (root / "logs").mkdir(parents=True)
        keys = ["--access-key", "key", "--secret-key", "secret"]
        command = [str(SERVER), "--host", "127.0.0.1", "--port", str(self.port), *keys, str(root)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.link_port = free_port()
        self.link = Link(self.link_port, self.port)

    def wait_ready(self) -> Server:
        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return True
            return False

        wait_for("the S3 server", answers)
        return self

    def stop(self) -> None:
        self.link.close()
        self.process.kill()
        self.process.wait()

    def objects(self) -> list[str]:
        """The names below the prefix."""
        root = self.root / "logs" / "shop"
        files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(str(path.relative_to(root)) for path in files)


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[Server]:
    server = Server(tmp_path / "s3")
    try:
        yield server.wait_ready()
    finally:
        server.stop()


class Logs:
    """A log path whose days have been over for long, and tools that know the server."""

    def __init__(self, base: pathlib.Path, port: int) -> None:
        self.root = base / "logs"
        self.cache = base / "cache"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
        endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        self.environment = {**environment(), **keys, **endpoint, "XDG_CACHE_HOME": str(self.cache)}

    def put(self, day: str, events: list[dict[str, Any]], type_name: str = "request") -> None:
        path = self.root / day / f"{type_name}-{day}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(msgpack.packb(event) for event in events))
        os.utime(path, (LONG_AGO, LONG_AGO))

    def start(self, name: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [program(name), *map(str, arguments)]
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(command, env=self.environment, stdin=null, stdout=pipe, stderr=pipe)

    def run(self, name: str, *arguments: object, code: int = 0) -> tuple[bytes, str]:
        process = self.start(name, *arguments)
        out, err = process.communicate(timeout=3 * PATIENCE)
        text = err.decode(errors="replace")
        assert process.returncode == code, f"{name} {arguments} exited {process.returncode}: {text}"
        return out, text

    def files(self) -> list[str]:
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(str(path.relative_to(self.root)) for path in found)

    def cached_bytes(self) -> int:
        """What was fetched: blocks of 64 KiB, each with a checksum that is not 0."""
        sums = (path.read_bytes() for path in self.cache.rglob("*.sums"))
        return sum(1 << 16 for known in sums for at in range(0, len(known), 4) if known[at : at + 4] != bytes(4))


def event(number: int, chance: random.Random, noise: int = 0) -> dict[str, Any]:
    end = NOON + number / 100
    body = {"path": chance.choice(["/", "/cart", "/search"]), "status": chance.choice([200, 200, 500])}
    if noise:
        body["noise"] = chance.randbytes(noise).hex()
    own = {"type": "request", "id": f"{chance.getrandbits(128):032x}", "host": "web", "pid": 1}
    return {**own, "start": end - chance.random(), "end": end, "body": body}


@pytest.fixture
def logs(tmp_path: pathlib.Path, server: Server) -> Logs:
    logs = Logs(tmp_path, server.port)
    chance = random.Random(5)
    logs.put("20120312", [{**event(number, chance), "end": NOON - 86_400 + number} for number in range(50)])
    logs.put("20120313", [event(number, chance) for number in range(2000)])
    odd = [{**event(number, chance), "type": "odd=type:x"} for number in range(3)]
    logs.put("20120313", odd, "odd=type:x")
    return logs


QUESTIONS: list[list[str]] = [
    ["-o", "json"],
    ["-n", "request", "-q", "status >= 500", "-o", "json"],
    ["--by", "path", "--stats", "count,err,p99,max(duration)", "-o", "json"],
    ["--since", "20120312", "--until", "20120312", "-o", "csv", "--fields", "time,id"],
]


def answers(logs: Logs, place: object) -> list[bytes]:
    return [logs.run("oxview", "-l", place, *question)[0] for question in QUESTIONS]


def test_archived_asked_and_brought_back(logs: Logs, server: Server) -> None:
    hot = answers(logs, logs.root)
    first = json_lines(hot[0])[0]
    out, _ = logs.run("oxstore", "archive", "-p", logs.root, "-b", BUCKET, "-d", 1)
    assert len(server.objects()) == 3
    assert logs.files() == []
    assert out.count(b"bytes sent") == 3
    assert out.count(b"removed") == 3
    # oxview hands over to oxstore
    assert answers(logs, BUCKET) == hot
    assert json_lines(logs.run("oxview", "-l", BUCKET, "--id", first["id"], "-o", "json")[0]) == [first]
    assert logs.run("oxstore", "archive", "-p", logs.root, "-b", BUCKET)[0] == b""

    back = logs.root.with_name("back")
    out, _ = logs.run("oxstore", "download", "request", "-b", BUCKET, "-p", back, "-s", "20120313", "-e", "20120313")
    assert out.count(b"bytes fetched") == 1
    logs.run("oxstore", "download", "-b", BUCKET, "-p", back)
    assert answers(logs, back) == hot
    out, _ = logs.run("oxstore", "verify", "-p", back, "-b", BUCKET)
    assert b"3 files are the same in s3://logs/shop, 0 are not, 0 are not there" in out
    both = logs.run("oxview", "-l", back, "-l", BUCKET, "--stats", "count", "-o", "json")[0]
    assert json_lines(both)[0]["count"] == 2053
    stream, _ = logs.run("oxstore", "cat", "-b", BUCKET, "request", "-s", "20120313", "-e", "20120313")
    assert len(list(msgpack.Unpacker(io.BytesIO(stream)))) == 2000


def test_late_events_get_a_name_of_their_own(logs: Logs, server: Server) -> None:
    archive = ["archive", "-p", logs.root, "-b", BUCKET, "-d", 0]
    logs.run("oxstore", *archive)
    logs.put("20120313", [event(5000, random.Random(9))])
    logs.run("oxstore", *archive)
    assert len(server.objects()) == 4
    assert "type=request/date=2012-03-13/request-20120313.2.parquet" in server.objects()
    count = logs.run("oxview", "-l", BUCKET, "--stats", "count", "-o", "json")[0]
    assert json_lines(count)[0]["count"] == 2054


def test_what_is_not_whole_there_stays_here(logs: Logs, server: Server) -> None:
    logs.run("oxstore", "seal", "-p", logs.root)
    logs.run("oxstore", "upload", "-p", logs.root, "-b", BUCKET)
    name = server.objects()[-1]
    path = server.root / "logs" / "shop" / name
    path.write_bytes(path.read_bytes()[:-1])
    _, err = logs.run("oxstore", "prune", "-p", logs.root, "-b", BUCKET, "-d", 0, code=1)
    assert "1 files stay: other files have their names in the bucket" in err
    assert logs.files() == [f"sealed/{name}"]


def test_a_question_reads_few_columns_and_reads_them_once(logs: Logs, server: Server) -> None:
    chance = random.Random(3)
    logs.put("20120314", [event(number, chance, noise=1000) for number in range(2000)])
    logs.run("oxstore", "archive", "-p", logs.root, "-b", BUCKET, "-d", 0)
    large = server.root / "logs" / "shop" / "type=request" / "date=2012-03-14" / "request-20120314.parquet"
    size = large.stat().st_size
    assert size > 2_000_000
    question = ["-l", BUCKET, "--since", "20120301", "--by", "path", "--stats", "count,p99", "-o", "json"]
    rows = json_lines(logs.run("oxview", *question)[0])
    assert sum(row["count"] for row in rows) == 4053
    fetched = logs.cached_bytes()
    assert 0 < fetched < size // 3
    assert json_lines(logs.run("oxview", *question)[0]) == rows
    assert logs.cached_bytes() == fetched
    # What is kept is not believed when it is not what was fetched.
    for path in logs.cache.rglob("*.blocks"):
        path.write_bytes(bytes(path.stat().st_size))
    assert json_lines(logs.run("oxview", *question)[0]) == rows


@pytest.fixture
def noise(logs: Logs) -> pathlib.Path:
    """An archive that goes in three parts."""
    path = logs.root / "20120314" / "noise-20120314-web.log.bz2"
    path.parent.mkdir(parents=True)
    path.write_bytes(random.Random(8).randbytes(70 << 20))
    return path


def test_large_files_go_in_parts_and_come_back(logs: Logs, server: Server, noise: pathlib.Path) -> None:
    content = noise.read_bytes()
    logs.run("oxstore", "archive", "-p", logs.root, "-b", BUCKET, "-d", 0)
    assert logs.files() == []
    assert (server.root / "logs" / "shop" / "20120314" / noise.name).read_bytes() == content
    logs.run("oxstore", "download", "noise", "-b", BUCKET, "-p", logs.root)
    assert noise.read_bytes() == content


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_upload_leaves_nothing_and_goes_on(
    logs: Logs, server: Server, noise: pathlib.Path, number: signal.Signals
) -> None:
    logs.run("oxstore", "seal", "-p", logs.root)
    before = logs.files()
    direct = logs.environment["AWS_ENDPOINT_URL"]
    logs.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.link_port}"
    unfinished = logs.root / "sealed" / ".unfinished"
    archive = ["archive", "-p", logs.root, "-b", BUCKET, "-d", 0]
    server.link.throttle(8 << 20)
    process = logs.start("oxstore", *archive)
    wait_for("an upload in parts", lambda: unfinished.exists() and unfinished.read_bytes())
    process.send_signal(number)
    server.link.heal()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == (1 if number == signal.SIGINT else -number)
    # Killed, it could not give its parts up, and has left a note.
    assert bool(unfinished.read_bytes()) == (number == signal.SIGKILL)
    assert noise.exists()
    assert logs.files() == before
    logs.environment["AWS_ENDPOINT_URL"] = direct
    logs.run("oxstore", *archive)
    assert unfinished.read_bytes() == b""
    assert logs.files() == []
    assert len(server.objects()) == 4
    count = logs.run("oxview", "-l", BUCKET, "-n", "request", "--stats", "count", "-o", "json")[0]
    assert json_lines(count)[0]["count"] == 2050


def test_what_cannot_be_reached_is_said(logs: Logs, server: Server) -> None:
    logs.run("oxstore", "seal", "-p", logs.root)
    before = logs.files()
    logs.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    _, err = logs.run("oxstore", "archive", "-p", logs.root, "-b", BUCKET, "-d", 0, code=1)
    assert "oxstore: cannot look at s3://logs/shop/" in err
    assert logs.files() == before
    logs.environment["AWS_ENDPOINT_URL"] = "http://192.0.2.1:9000"
    _, err = logs.run("oxview", "-l", BUCKET, code=1)
    assert "not encrypted; where that is meant, set AWS_ALLOW_HTTP=true" in err
