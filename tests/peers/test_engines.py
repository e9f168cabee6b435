"""Sealed files as DuckDB, Polars, pandas and pyarrow read them, as docs/guide/other-engines.md says."""

from __future__ import annotations

import glob
import pathlib
import random
import re
from typing import Any, Callable

import duckdb
import google_crc32c
import msgpack
import numpy
import pandas
import polars
import pyarrow.dataset
import pyarrow.parquet
import pytest

import native_wire as wire
from daemon import TOP, Daemon, json_lines, tool
from native_wire import connected
from test_native import batch

GUIDE = (TOP / "docs" / "guide" / "other-engines.md").read_text()
MIDNIGHT = 1_331_596_800
DAYS = 3
PER_DAY = 600


def users(day: int, number: int) -> Any:
    """A number, text the day after, and then a map."""
    return [number, f"user-{number}", {"id": number}][day]


def request(day: int, number: int, chance: random.Random, added: bool) -> dict[str, Any]:
    end = MIDNIGHT + 86_400 * day + number * 120 + 0.25
    body: dict[str, Any] = {
        "path": chance.choice(["/", "/", "/cart", "/search"]),
        "response": {"status": 503 if chance.random() < 0.1 else 200, "size": chance.randrange(1 << 40)},
        "user": users(day, number),
    }
    if day == 0 or number % 150 == 0:
        # in too few events of the other days to become a column by itself
        body["experiment"] = "b"
    if added and day == DAYS - 1:
        body["added"] = number / 2
    return {
        **{"type": "request", "id": f"{day:016x}{number:016x}", "host": f"web-{number % 4}", "pid": 4121},
        **{"start": end - chance.lognormvariate(-3, 1), "end": end, "body": body},
    }


def write(logs: pathlib.Path, type_name: str, day: int, events: list[dict[str, Any]]) -> None:
    folder = logs / f"201203{13 + day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{type_name}-201203{13 + day}.log").write_bytes(b"".join(msgpack.packb(event) for event in events))


def sealed(logs: pathlib.Path, added: bool) -> pathlib.Path:
    chance = random.Random(23)
    for day in range(DAYS):
        events = [request(day, number, chance, added) for number in range(PER_DAY)]
        if day == 2:
            # the map's own path would be a column of its own: here it is seldom enough not to be
            events = [event if number % 300 == 0 else without_user(event) for number, event in enumerate(events)]
        write(logs, "request", day, events)
    beat = {"type": "cache:beat", "id": "x", "host": "web-9", "pid": 1, "start": MIDNIGHT + 0.25, "end": MIDNIGHT + 0.5}
    write(logs, "cache:beat", 0, [{**beat, "body": {"hits": number}} for number in range(50)])
    tool("oxstore", "seal", "-p", logs)
    return logs


def without_user(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "body": {key: value for key, value in event["body"].items() if key != "user"}}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A log path whose fields change their types and become rare, but none is added."""
    return sealed(tmp_path_factory.mktemp("engines") / "logs", added=False)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A log path in which a field is added on the last day."""
    return sealed(tmp_path_factory.mktemp("engines") / "grown", added=True)


def sql(text: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows: list[tuple[Any, ...]] = connection.execute(text).fetchall()
        return rows


def guide_sql(containing: str) -> str:
    """The one statement of the guide that has this in it."""
    found = [block for block in re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL) if containing in block]
    assert len(found) == 1, containing
    return str(found[0])


# each reads the table that a path is, with no option at all
def by_duckdb(path: pathlib.Path) -> pandas.DataFrame:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        frame: pandas.DataFrame = connection.execute(f"FROM '{path}/*/*.parquet'").fetch_arrow_table().to_pandas()
        return frame


def by_polars(path: pathlib.Path) -> pandas.DataFrame:
    return pyarrow.table(polars.scan_parquet(path).collect()).to_pandas()


def by_pyarrow(path: pathlib.Path) -> pandas.DataFrame:
    frame: pandas.DataFrame = pyarrow.parquet.read_table(path).to_pandas()
    return frame


def by_pandas(path: pathlib.Path) -> pandas.DataFrame:
    return pandas.read_parquet(path)


Reader = Callable[[pathlib.Path], pandas.DataFrame]
ENGINES = pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pyarrow, by_pandas])


@ENGINES
def test_a_type_is_a_table_without_options(logs: pathlib.Path, read: Reader) -> None:
    frame = read(logs / "sealed" / "type=request")
    assert len(frame) == DAYS * PER_DAY
    assert sorted({str(date)[:10] for date in frame["date"]}) == ["2012-03-13", "2012-03-14", "2012-03-15"]
    # when the event ended, in UTC, to the microsecond
    assert str(frame["time"].dtype.tz) == "UTC"
    seconds = frame["time"].astype("datetime64[us, UTC]").astype("int64") / 1e6
    assert (seconds == frame["end"]).all()
    # a column keeps its type, and one that has become rare is still there
    assert frame["user"].count() == PER_DAY
    assert frame["user"].sum() == sum(range(PER_DAY))
    assert frame["experiment"].count() == PER_DAY + 2 * (PER_DAY // 150)


@ENGINES
def test_what_no_column_holds_is_in_the_rest(logs: pathlib.Path, read: Reader) -> None:
    frame = read(logs / "sealed" / "type=request").set_index("id")
    for day, number in [(1, 7), (2, 300)]:
        rest = frame.loc[f"{day:016x}{number:016x}", "_rest"]
        assert msgpack.unpackb(bytes(rest)) == {"body": {"user": users(day, number)}}
    # a value of the column's own type is in the column alone
    assert pandas.isna(frame.loc[f"{0:016x}{7:016x}", "_rest"])


@ENGINES
def test_numbers_are_those_of_oxview(logs: pathlib.Path, read: Reader) -> None:
    frame = read(logs / "sealed" / "type=request")
    frame["duration"] = frame["end"] - frame["start"]
    frame["err"] = frame["response.status"] >= 500
    stats = "count,err,sum(response.size),min(duration),max(duration),p99,distinct(host)"
    ours = json_lines(tool("oxview", "-l", logs, "-n", "request", "--by", "path", "--stats", stats))
    assert len(ours) == 3
    for row in ours:
        of_path = frame[frame["path"] == row["path"]]
        assert len(of_path) == row["count"]
        assert of_path["host"].nunique() == row["distinct(host)"]
        assert of_path["err"].mean() == pytest.approx(row["err"])
        assert of_path["response.size"].sum() == pytest.approx(row["sum(response.size)"], rel=1e-12)
        assert of_path["duration"].min() == pytest.approx(row["min(duration)"], abs=1e-9)
        assert of_path["duration"].max() == pytest.approx(row["max(duration)"], abs=1e-9)
        p99 = numpy.quantile(of_path["duration"], 0.99, method="inverted_cdf")
        assert row["p99"] == pytest.approx(p99, rel=0.0101)


@pytest.mark.parametrize("read", [by_duckdb, by_pyarrow, by_pandas])
def test_an_added_field_hides_nothing_else(grown: pathlib.Path, read: Reader) -> None:
    frame = read(grown / "sealed" / "type=request")
    assert len(frame) == DAYS * PER_DAY
    assert frame["response.size"].count() == DAYS * PER_DAY
    assert "added" not in frame


def test_an_added_field_is_seen_as_the_guide_says(grown: pathlib.Path) -> None:
    path = grown / "sealed" / "type=request"
    expected = (PER_DAY, sum(range(PER_DAY)) / 2)
    assert sql(f"SELECT count(added), sum(added) FROM read_parquet('{path}/*/*.parquet', union_by_name = true)") == [
        expected
    ]
    last = sorted(path.glob("*/*.parquet"))[-1]
    data = pyarrow.dataset.dataset(path, schema=pyarrow.parquet.read_schema(last), partitioning="hive")
    added = data.to_table(columns=["added"])["added"]
    assert (len(added) - added.null_count, pyarrow.compute.sum(added).as_py()) == expected
    with pytest.raises(polars.exceptions.SchemaError, match="added"):
        polars.scan_parquet(path).collect()
    assert polars.scan_parquet(path, extra_columns="ignore").collect().height == DAYS * PER_DAY


def test_all_types_in_duckdb(grown: pathlib.Path) -> None:
    rows = sql(guide_sql("GROUP BY ALL").replace("/var/log/blueox", str(grown)))
    days = [("request", f"2012-03-{13 + day}", PER_DAY) for day in range(DAYS)]
    assert [(kind, str(date), count) for kind, date, count in rows] == [("cache:beat", "2012-03-13", 50), *days]


def test_one_type_in_duckdb(logs: pathlib.Path) -> None:
    rows = sql(guide_sql("quantile_disc").replace("/var/log/blueox", str(logs)))
    ours = json_lines(tool("oxview", "-l", logs, "-n", "request", "--by", "path", "--stats", "count,p99"))
    assert [row[:2] for row in rows] == [(row["path"], row["count"]) for row in ours]
    for row, our in zip(rows, ours):
        assert row[2] == pytest.approx(our["p99"], rel=0.0101)


def test_all_types_in_polars(grown: pathlib.Path) -> None:
    files = sorted(glob.glob(f"{grown}/sealed/*/*/*.parquet"))
    table = polars.concat([polars.scan_parquet(file, hive_partitioning=True) for file in files], how="diagonal_relaxed")
    counts = dict(table.group_by("type").len().collect().iter_rows())
    assert counts == {"cache:beat": 50, "request": DAYS * PER_DAY}
    assert table.select(polars.col("hits").sum(), polars.col("added").count()).collect().row(0) == (
        sum(range(50)),
        PER_DAY,
    )


@pytest.mark.parametrize("read", [by_pyarrow, by_pandas])
def test_all_types_by_the_columns_of_the_first(grown: pathlib.Path, read: Reader) -> None:
    frame = read(grown / "sealed")
    assert frame["type"].value_counts().to_dict() == {"request": DAYS * PER_DAY, "cache:beat": 50}
    assert frame[["time", "id", "host", "pid", "start", "end"]].notna().all().all()
    assert frame["hits"].count() == 50


def settle(logs: pathlib.Path) -> None:
    """Says in the place of a stopped daemon that all of its windows are over, so that today's can be sealed."""
    path = logs / ".blueox" / "settled"
    words = path.read_text().split()
    said = f"{words[0]} {words[1]} 2999010100"
    path.write_text(f"{said} {google_crc32c.value(said.encode()):08x}\n")


def test_two_collectors_in_duckdb(start_daemon: Callable[..., Daemon]) -> None:
    """A sender goes from one to the other before it has the acks of some batches: both have them."""
    stream = bytes(range(16))
    batches = {seq: batch(seq) for seq in range(1, 41)}
    collectors = [start_daemon(), start_daemon()]
    for session, (collector, first, last) in enumerate([(collectors[0], 1, 20), (collectors[1], 11, 40)], start=1):
        with connected(collector.tcp("collection")) as sender:
            sender.handshake(stream, session, next_seq=first, ack_floor=first - 1)
            for seq in range(first, last + 1):
                sender.send(batches[seq])
            sender.acked(last)
            sender.send(wire.bye(last))
        collector.wait_stored("native", 3 * (last - first + 1))
    paths = []
    for collector in collectors:
        collector.stop()
        paths.append(pathlib.Path(collector.base / "logs"))
        settle(paths[-1])
        tool("oxstore", "seal", "-p", paths[-1])
    statement = guide_sql("QUALIFY")
    for number, path in enumerate(paths, start=1):
        statement = statement.replace(f"/srv/collector-{number}/logs", str(path))
    everything = sql(f"SELECT seq, count(*) FROM ({statement.split('QUALIFY')[0]}) GROUP BY seq ORDER BY seq")
    assert [count for _, count in everything].count(2) == 30
    once = sql(f"SELECT seq, count(*) FROM ({statement}) GROUP BY seq ORDER BY seq")
    assert once == [(seq, 1) for seq in range(120)]
    ours = json_lines(tool("oxview", "-l", paths[0], "-l", paths[1], "--stats", "count"))
    assert ours[0]["count"] == 120
