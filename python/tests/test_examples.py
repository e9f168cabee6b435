"""The programs of examples/python, each against a real daemon."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import daemon as peers
import pytest
from waiting import wait_for

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"
SECONDS = 120
ADDRESS = re.compile(r"http://127\.0\.0\.1:([1-9]\d*)")
BIN = pathlib.Path(sys.executable).parent


def environment(oxd: peers.Daemon, folder: pathlib.Path) -> dict[str, str]:
    mine = {"BLUEOX_HOST": oxd.address("collection"), "SHOP_FOLDER": str(folder), "PYTHONUNBUFFERED": "1"}
    return {**peers.environment(), **mine, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(EXAMPLES)}


class Program:
    """One running example; `lines` is all that it has printed so far."""

    def __init__(self, command: list[str], env: dict[str, str], base: pathlib.Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command,
            cwd=base,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def wait_for_line(self, pattern: re.Pattern[str]) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, "it ended: " + "".join(self.lines)
            return next(filter(None, map(pattern.search, list(self.lines))), None)

        return wait_for(f"{pattern.pattern!r} to be printed", found, SECONDS)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.stop()


def get(port: str, path: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{port}{path}", timeout=SECONDS) as answer:
        return json.load(answer)


def body(oxd: peers.Daemon, type_name: str, count: int = 1) -> Any:
    """The body of the last of `count` events."""
    oxd.wait_stored(type_name, count, SECONDS)
    events = oxd.logs.events(type_name)
    assert len(events) == count
    return events[-1]["body"]


SERVERS = {
    "flask": [str(BIN / "flask"), "--app", "flask_shop", "run", "--port", "0"],
    "fastapi": [str(BIN / "uvicorn"), "fastapi_shop:app", "--port", "0"],
    "tornado": [sys.executable, str(EXAMPLES / "tornado_shop.py"), "0"],
    "django": [sys.executable, str(EXAMPLES / "django_shop.py"), "runserver", "127.0.0.1:0", "--noreload"],
}


def serve(name: str, oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> str:
    """Starts a server; gives its port."""
    programs.append(Program(SERVERS[name], environment(oxd, tmp_path), tmp_path))
    return programs[-1].wait_for_line(ADDRESS)[1]


def test_flask(oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> None:
    port = serve("flask", oxd, programs, tmp_path)
    assert get(port, "/cart/7") == {"cart": 7, "items": 8}
    request = body(oxd, "request")
    assert (request["cart"], request["route"], request["response_status_code"]) == (7, "/cart/<int:number>", 200)
    assert body(oxd, "request.sql")["query"] == "SELECT ? + 1"


def test_fastapi(oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> None:
    port = serve("fastapi", oxd, programs, tmp_path)
    assert get(port, "/cart/7") == {"cart": 7, "worth": 30}
    request = body(oxd, "request")
    assert (request["cart"], request["route"], request["response_status_code"]) == (7, "/cart/{number}", 200)
    assert body(oxd, "request.price", 2)["item"] in (1, 2)
    assert body(oxd, "request.log")["msg"] == "cart 7 is worth 30"


def test_tornado(oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> None:
    port = serve("tornado", oxd, programs, tmp_path)
    assert get(port, "/cart/7") == {"cart": 7, "worth": 70}
    body(oxd, "request", 2)
    body(oxd, "request.httpclient")
    events = oxd.logs.events("request") + oxd.logs.events("request.httpclient")
    assert len({event["id"] for event in events}) == 1


def test_django(oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> None:
    port = serve("django", oxd, programs, tmp_path)
    assert get(port, "/cart/7") == {"cart": 7}
    assert get(port, "/price/3") == {"price": 30}
    body(oxd, "shop.request", 2)
    assert {event["body"]["route"] for event in oxd.logs.events("shop.request")} == {
        "cart/<int:number>",
        "price/<int:number>",
    }
    assert body(oxd, "shop.request.price")["item"] == 3


def test_celery(oxd: peers.Daemon, programs: list[Program], tmp_path: pathlib.Path) -> None:
    """Forked workers, each for one task: the ids of the sender reach them, through a task that sends another."""
    env = environment(oxd, tmp_path)
    command = ["-m", "celery", "-A", "celery_shop", "worker", "--concurrency=2", "--max-tasks-per-child=1"]
    programs.append(Program([sys.executable, *command], env, tmp_path))
    subprocess.run([sys.executable, EXAMPLES / "celery_shop.py"], env=env, check=True, timeout=SECONDS)
    oxd.wait_stored("celery.task", 6, SECONDS)
    oxd.wait_stored("celery.task.mail", 3, SECONDS)
    tasks = oxd.logs.events("celery.task")
    (request,) = oxd.logs.events("request")
    assert {event["id"] for event in tasks} == {request["id"]}
    assert sorted(event["body"]["cart"] for event in tasks if event["body"]["task"] == "celery_shop.charge") == [
        0,
        1,
        2,
    ]
    assert {event["body"]["result_state"] for event in tasks} == {"SUCCESS"}
    charges = {event["span"] for event in tasks if event["body"]["task"] == "celery_shop.charge"}
    assert {event["parent"] for event in tasks} == charges | {request["span"]}
    assert len({event["pid"] for event in tasks}) == 6


def test_a_plain_script_and_a_report(oxd: peers.Daemon, tmp_path: pathlib.Path) -> None:
    env = environment(oxd, tmp_path)
    subprocess.run([sys.executable, EXAMPLES / "plain.py"], env=env, check=True, timeout=SECONDS)
    oxd.wait_stored("request", 20, SECONDS)
    oxd.wait_stored("request.sql", 20, SECONDS)
    day_file = oxd.logs.raw("request")
    assert len(day_file) == 20
    report = subprocess.run(
        [sys.executable, EXAMPLES / "report.py"],
        input=b"".join(day_file),
        env=env,
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    lines = report.stdout.decode().splitlines()
    assert [line.split()[:2] for line in lines] == [["/cart/0", "7"], ["/cart/1", "7"], ["/cart/2", "6"]]
    assert os.linesep in report.stdout.decode()
