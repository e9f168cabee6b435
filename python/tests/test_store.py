"""`blueox.store`."""

from __future__ import annotations

import bz2
import datetime
import gzip
import pathlib

import daemon as peers
import msgpack
import pytest

import blueox.store
from blueox.client import decode_stream
from blueox.store import (
    InvalidDateError,
    LocalLogFile,
    find_log_files_in_path,
    list_log_files,
    parse_date_range_argument,
)

DAY = datetime.datetime(2012, 3, 13)


@pytest.mark.parametrize(
    "name",
    [
        "request-20120313.log",
        "request.sql-2012031306.log",
        "nginx-error-20120313-web-2.log.bz2",
        "request-20120313.log.gz",
    ],
)
def test_names_come_apart_and_together(name: str) -> None:
    file = LocalLogFile.from_filename(f"/logs/20120313/{name}")
    assert file.file_name == name
    assert file.file_path == f"20120313/{name}"
    assert file.date == DAY.date()


@pytest.mark.parametrize("name", ["request.log", "request-2012.log", "request-20121399.log", "ranges-20120313", ""])
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        LocalLogFile.from_filename(name)


def test_dates() -> None:
    assert parse_date_range_argument("20120313") == DAY
    assert parse_date_range_argument("20120313 12:00") == DAY.replace(hour=12)
    with pytest.raises(InvalidDateError, match="20120313"):
        parse_date_range_argument("yesterday")


def test_files_of_a_type_and_time(tmp_path: pathlib.Path) -> None:
    event = msgpack.packb({"type": "request"})
    contents = {
        "20120312/request-20120312.log": event,
        "20120313/request-20120313.log.bz2": bz2.compress(event),
        "20120313/request-20120313-web-2.log.gz": gzip.compress(event * 2),
        "20120313/request.sql-20120313.log": event,
        "20120314/request-2012031400.log": event * 3,
        "20120314/request-2012031412.log": event,
        "20120313/notes.txt": b"",
        "20120313/request-20120313.log.part": b"",
        "20120315/request-20120313.log": b"",
        ".blueox/ranges-20120313": b"",
    }
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    found = find_log_files_in_path(tmp_path, "request", DAY, DAY + datetime.timedelta(days=1, hours=6))
    assert [file.file_name for file in found] == [
        "request-20120313-web-2.log.gz",
        "request-20120313.log.bz2",
        "request-2012031400.log",
    ]
    assert [sum(1 for _ in decode_stream(file.open(tmp_path))) for file in found] == [2, 1, 3]
    assert len(list_log_files(tmp_path)) == 6


def test_files_of_a_daemon(oxd: peers.Daemon) -> None:
    status, _ = oxd.http("collection", "POST", "/v1/events", b'{"type": "request", "n": 1}')
    assert status == 200
    oxd.wait_stored("request", 1, 60)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    day = datetime.timedelta(days=1)
    (file,) = blueox.store.find_log_files_in_path(oxd.logs.path, "request", now - day, now + day)
    assert [event["body"] for event in decode_stream(file.open(oxd.logs.path))] == [{"n": 1}]
