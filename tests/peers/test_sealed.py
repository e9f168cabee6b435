"""Sealed files as DuckDB reads them, and statistics as DuckDB computes them of the same events."""

from __future__ import annotations

import io
import json
import pathlib
import random
from typing import Any

import duckdb
import msgpack
import pytest

from daemon import json_lines, tool

NOON = 1_331_640_000.0


def request(number: int, chance: random.Random) -> dict[str, Any]:
    took = chance.lognormvariate(-3, 1)
    end = NOON + number * 0.25
    body: dict[str, Any] = {
        "path": chance.choice(["/", "/", "/", "/cart", "/search", "/login"]),
        "response": {"status": 503 if chance.random() < 0.05 else 200, "size": chance.randrange(1 << 40)},
        # drift: a number here, text there, a map elsewhere
        "user": number if number % 50 else ("nobody" if number % 100 else {"id": number}),
        "tags": ["a", number % 3],
    }
    return {
        "type": "request",
        "id": f"{number:032x}",
        "host": f"web-{number % 4}",
        "pid": 4121,
        "start": end - took,
        "end": end,
        "body": body,
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A log path with a few thousand requests and a type whose name needs escapes, sealed."""
    root = tmp_path_factory.mktemp("sealed") / "logs"
    day = root / "20120313"
    day.mkdir(parents=True)
    chance = random.Random(17)
    events = [request(number, chance) for number in range(4000)]
    (day / "request-20120313.log").write_bytes(b"".join(msgpack.packb(event) for event in events))
    odd = {**events[0], "type": "odd=type:x"}
    (day / "odd=type:x-20120313.log").write_bytes(msgpack.packb(odd))
    tool("oxstore", "seal", "-p", root)
    return root


def query(logs: pathlib.Path, sql: str) -> list[tuple[Any, ...]]:
    files = f"read_parquet('{logs}/sealed/*/*/*.parquet', hive_partitioning = true, union_by_name = true)"
    with duckdb.connect() as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql.replace("EVENTS", files)).fetchall()
        return rows


def test_partitions_and_times_are_columns(logs: pathlib.Path) -> None:
    rows = query(
        logs, "SELECT type, date::VARCHAR, count(*), min(time)::VARCHAR FROM EVENTS GROUP BY ALL ORDER BY type"
    )
    assert [row[:3] for row in rows] == [("odd=type:x", "2012-03-13", 1), ("request", "2012-03-13", 4000)]
    assert rows[0][3].startswith("2012-03-13 12:00:00")


def test_every_event_is_there_once_with_its_values(logs: pathlib.Path) -> None:
    rows = query(
        logs,
        """SELECT id, host, pid, "end" - start, path, "response.status", "response.size", "user" FROM EVENTS
           WHERE type = 'request' ORDER BY id""",
    )
    chance = random.Random(17)
    for number, row in enumerate(rows):
        event = request(number, chance)
        body = event["body"]
        user = body["user"] if isinstance(body["user"], int) else None
        expected = (
            *(event["id"], event["host"], event["pid"], event["end"] - event["start"]),
            *(body["path"], body["response"]["status"], body["response"]["size"], user),
        )
        assert row == expected
    assert len(rows) == 4000


def test_statistics_agree(logs: pathlib.Path) -> None:
    ours = json_lines(
        tool(
            *("oxview", "-l", logs, "-n", "request", "--by", "path", "--every", "1m", "--stats"),
            "count,err,sum(response.size),min(duration),max(duration),p50,p99,distinct(host)",
        )
    )
    rows = query(
        logs,
        """SELECT epoch(time_bucket(INTERVAL 1 minute, time)) AS minute, path,
               count(*), avg(("response.status" >= 500)::INT), sum("response.size")::DOUBLE,
               min("end" - start), max("end" - start),
               quantile_disc("end" - start, 0.5), quantile_disc("end" - start, 0.99), count(DISTINCT host)
           FROM EVENTS WHERE type = 'request' GROUP BY ALL""",
    )
    theirs = {(int(row[0]), row[1]): row[2:] for row in rows}
    assert len(ours) == len(theirs) > 50
    for row in ours:
        hour, minute = row["time"].split("T")[1].split(":")[:2]
        seconds = int(NOON) - 12 * 3600 + int(hour) * 3600 + int(minute) * 60
        count, err, size, least, most, p50, p99, hosts = theirs[seconds, row["path"]]
        assert (row["count"], row["distinct(host)"]) == (count, hosts)
        assert row["err"] == pytest.approx(err)
        assert row["sum(response.size)"] == pytest.approx(size, rel=1e-12)
        assert row["min(duration)"] == pytest.approx(least, abs=1e-9)
        assert row["max(duration)"] == pytest.approx(most, abs=1e-9)
        assert row["p50"] == pytest.approx(p50, rel=0.0101)
        assert row["p99"] == pytest.approx(p99, rel=0.0101)


def test_what_comes_back_is_what_was_there(logs: pathlib.Path) -> None:
    sealed = sorted((logs / "sealed").glob("*/*/request-*.parquet"))
    back = tool("oxstore", "cat", *sealed)
    unpacked = list(msgpack.Unpacker(io.BytesIO(back)))
    hot = list(msgpack.Unpacker((logs / "20120313" / "request-20120313.log").open("rb")))
    assert [json.dumps(event, sort_keys=True) for event in unpacked] == [
        json.dumps(event, sort_keys=True) for event in hot
    ]
