"""Events as they were recorded, from whatever they stand in."""

from __future__ import annotations

import bz2
import datetime
import gzip
import pathlib
import signal
import subprocess
import sys
from typing import Any

import msgpack
import pytest
import stores
from daemon import json_lines, tool

import blueox_store


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, list[dict[str, Any]]]:
    logs = tmp_path_factory.mktemp("store") / "logs"
    return logs, stores.store(logs)


def test_events_are_as_they_were(hot: tuple[pathlib.Path, list[dict[str, Any]]]) -> None:
    logs, expected = hot
    assert list(blueox_store.read(logs, type="request")) == expected
    # twice the same
    events = blueox_store.read(str(logs), type=["request"])
    assert next(iter(events)) == expected[0]
    assert len(list(events)) == len(list(events)) == len(expected)


def test_sealed_and_archived_are_as_hot(tmp_path: pathlib.Path) -> None:
    logs = tmp_path / "logs"
    expected = stores.store(logs)
    tool("oxstore", "seal", "-p", logs)
    # the second day is in its sealed file alone, the third in an archive, the first in both of its files
    (logs / "20120314" / "request-20120314.log").unlink()
    third = logs / "20120315" / "request-20120315.log"
    third.with_suffix(".log.gz").write_bytes(gzip.compress(third.read_bytes()))
    third.unlink()
    for path in (logs / "sealed" / "type=request").glob("date=2012-03-15/*"):
        path.unlink()
    assert list(blueox_store.read(logs, type="request")) == expected
    sealed = list(blueox_store.read(logs / "sealed", type="request"))
    assert sealed == expected[: 2 * stores.PER_DAY]
    by_pattern = blueox_store.read(f"{logs}/sealed/type=request/*/*.parquet")
    assert list(by_pattern) == sealed


def test_files_of_each_kind(hot: tuple[pathlib.Path, list[dict[str, Any]]], tmp_path: pathlib.Path) -> None:
    logs, expected = hot
    first = expected[: stores.PER_DAY]
    plain = logs / "20120313" / "request-20120313.log"
    packed = tmp_path / "any name"
    packed.write_bytes(bz2.compress(plain.read_bytes()))
    assert list(blueox_store.read(plain)) == list(blueox_store.read(packed)) == first
    assert len(list(blueox_store.read([plain, packed]))) == 2 * len(first)
    assert sum(row["count"] for row in blueox_store.stats([plain, packed], stats="count", by="host")) == 2 * (
        len(first) + 3 * len(first) // 10
    )


def test_what_is_asked_for(hot: tuple[pathlib.Path, list[dict[str, Any]]]) -> None:
    logs, expected = hot
    failed = blueox_store.read(logs, type="req*", where="response.status >= 500 and not type = request.sql")
    assert list(failed) == [event for event in expected if event["body"]["response"]["status"] >= 500]
    assert [event["type"] for event in blueox_store.read(logs, id=expected[7]["id"])] == ["request", "request.sql"]
    day = [event for event in blueox_store.read(logs, type="request", since="20120314", until="20120314")]
    assert day == expected[stores.PER_DAY : 2 * stores.PER_DAY]
    flat = list(blueox_store.read(logs, type="request", fields="time,path,user.id,duration,score"))
    last = expected[-1]
    ended = flat[-1].pop("time")
    assert ended.utcoffset() == datetime.timedelta(0)
    assert ended.timestamp() == pytest.approx(last["end"], abs=1e-6)
    assert flat[-1] == {
        **{"path": last["body"]["path"], "user.id": stores.PER_DAY - 1, "score": last["body"]["score"]},
        "duration": round(last["end"] - last["start"], 9),
    }


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("20120314", None),
        ("2012-03-14 01:30", "20120314 02:00:00.5"),
        ("2012-03-14T02:30:00+01:00", "2012-03-14T02:00:00Z"),
        (None, "20120313"),
        ("20120313", "2012-03-14"),
        ("-1000000h", "now"),
    ],
)
def test_times_are_those_of_oxview(
    hot: tuple[pathlib.Path, list[dict[str, Any]]], since: str | None, until: str | None
) -> None:
    logs, _ = hot
    flags = [f"--since={since}"] * (since is not None) + [f"--until={until}"] * (until is not None)
    theirs = json_lines(tool("oxview", "-l", logs, "-n", "request", "-o", "json", *flags))
    ours = blueox_store.read(logs, type="request", since=since, until=until)
    assert [event["id"] for event in ours] == [event["id"] for event in theirs]
    assert theirs


def test_times_as_python_has_them(hot: tuple[pathlib.Path, list[dict[str, Any]]]) -> None:
    logs, expected = hot
    middle = expected[900]["end"]
    for since in (middle, datetime.datetime.fromtimestamp(middle, datetime.timezone.utc) - datetime.timedelta(0, 1)):
        assert next(iter(blueox_store.read(logs, type="request", since=since))) == expected[900]
    day = datetime.date(2012, 3, 15)
    assert len(list(blueox_store.read(logs, type="request", since=day, until=day))) == stores.PER_DAY


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"where": "duration > 250msec"}, "msec\n           \\^{7}\n`msec` is no unit.*\ndid you mean `250ms`"),
        ({"where": "a = "}, "\\^"),
        ({"since": "2h"}, "since '2h' is no time"),
        ({"until": "20120231"}, "until '20120231' is no time"),
        ({"since": "today", "until": "yesterday"}, "since is later than until"),
        ({"id": "abc"}, "too short"),
        ({"fields": "a..b"}, "'?\"?a..b.* is no field"),
        ({"fields": ["a", "a"]}, "named twice"),
    ],
)
def test_what_makes_no_sense(tmp_path: pathlib.Path, question: dict[str, Any], message: str) -> None:
    stores.store(tmp_path)
    with pytest.raises(ValueError, match=message):
        blueox_store.read(tmp_path, **question)


def test_what_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        blueox_store.read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"nothing matches"):
        blueox_store.read(f"{tmp_path}/*.parquet")
    with pytest.raises(ValueError, match="log path of an oxd"):
        blueox_store.read(tmp_path)
    stores.store(tmp_path / "logs")
    assert list(blueox_store.read(tmp_path / "logs", type="unknown")) == []


def test_damage_is_a_warning(tmp_path: pathlib.Path) -> None:
    path = stores.write(tmp_path, "request", 0, stores.days()[0])
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.warns(blueox_store.StoreWarning, match="damaged bytes at offset"):
        assert len(list(blueox_store.read(tmp_path))) == stores.PER_DAY - 1
    with pytest.warns(blueox_store.StoreWarning, match="damaged bytes at offset"):
        blueox_store.stats(tmp_path)
    with pytest.warns(blueox_store.StoreWarning, match="damaged bytes at offset"):
        blueox_store.read(tmp_path).to_arrow()


def test_memory_is_bounded(tmp_path: pathlib.Path) -> None:
    """64 MiB of events go through a process that may have little more memory than when it began."""
    event = msgpack.packb(
        {"type": "t", "id": "x", "host": "h", "pid": 1, "start": 1.0, "end": 2.0, "body": {"a": "b" * 4000}}
    )
    folder = tmp_path / "20120313"
    folder.mkdir()
    with (folder / "t-20120313.log").open("wb") as file:
        for _ in range(16):
            file.write(event * (1024))
    program = """
import resource, sys, blueox_store
events = iter(blueox_store.read(sys.argv[1]))
next(events)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 1 + sum(1 for _ in events)
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=True, text=True)
    count, grown = map(int, done.stdout.split())
    assert count == 16 * 1024
    assert grown < 16 * 1024, f"{grown} KiB"


@pytest.mark.parametrize(
    "ask", ["list(blueox_store.read(sys.argv[1], where='body.a = 1'))", "blueox_store.stats(sys.argv[1])"]
)
def test_ctrl_c_ends_it(tmp_path: pathlib.Path, ask: str) -> None:
    """Asked again and again, it is nearly always in Rust, among a million events of which none is asked for."""
    folder = tmp_path / "20120313"
    folder.mkdir()
    event = msgpack.packb({"type": "t", "id": "x", "host": "h", "pid": 1, "start": 1.0, "end": 2.0, "body": {"a": 2}})
    (folder / "t-20120313.log").write_bytes(event * 1_000_000)
    program = f"""
import sys, blueox_store
try:
    print("begins", flush=True)
    while True:
        {ask}
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "begins\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert out == "interrupted\n", err
