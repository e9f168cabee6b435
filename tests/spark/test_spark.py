"""A Spark cluster reads a directory of sealed files as a partitioned table, without options."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from spark_cluster import cluster

TOP = pathlib.Path(__file__).resolve().parents[2]
MIDNIGHT = 1_331_596_800
PER_DAY = 2_000


def tool(name: str, *args: object) -> str:
    path = pathlib.Path(os.environ.get("BLUEOX_BIN_DIR", TOP / "target" / "debug")) / name
    assert path.exists(), f"there is no {path}: build it, or name the directory in BLUEOX_BIN_DIR"
    done = subprocess.run([str(path), *map(str, args)], capture_output=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.decode()


def user(day: int, number: int) -> Any:
    """A number, text the day after, and then a map."""
    return [number, f"user-{number}", {"id": number}][day]


def event(day: int, number: int) -> dict[str, Any]:
    end = MIDNIGHT + 86_400 * day + number * 40 + 0.123456
    body: dict[str, Any] = {"path": f"/{number % 5}", "response": {"status": 200 + number % 2 * 303}}
    if number % 200 == 0 or day < 2:
        body["user"] = user(day, number)
    if day == 2:
        body["added"] = number
    return {
        **{"type": "request", "id": f"{day}-{number}", "host": f"web-{number % 3}", "pid": 1},
        **{"start": end - 0.001 * (number % 97), "end": end, "body": body},
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    logs = tmp_path_factory.mktemp("store") / "logs"
    for day in range(3):
        folder = logs / f"201203{13 + day}"
        folder.mkdir(parents=True)
        events = [event(day, number) for number in range(PER_DAY)]
        (folder / f"request-201203{13 + day}.log").write_bytes(b"".join(map(msgpack.packb, events)))
    # as names of files these two would be a protocol, and hidden
    for odd in ("odd=type:x", "_own"):
        (logs / "20120313" / f"{odd}-20120313.log").write_bytes(msgpack.packb({**event(0, 0), "type": odd}))
    tool("oxstore", "seal", "-p", logs)
    return logs


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    directory = tmp_path_factory.mktemp("cluster")
    with cluster(directory) as url:
        builder = SparkSession.builder.master(url).appName("blueox")
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.ui.enabled": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": str(directory / "driver"),
        }
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


def test_a_type_is_a_table(spark: SparkSession, logs: pathlib.Path) -> None:
    table = spark.read.parquet(str(logs / "sealed" / "type=request"))
    types = dict(table.dtypes)
    assert (types["time"], types["date"], types["end"], types["_rest"]) == ("timestamp", "date", "double", "binary")
    assert table.count() == 3 * PER_DAY
    by_date = table.groupBy(f.col("date").cast("string")).count().collect()
    assert sorted(map(tuple, by_date)) == [(f"2012-03-{13 + day}", PER_DAY) for day in range(3)]
    # to the microsecond
    wrong = table.where(f.unix_micros("time") != f.round(f.col("end") * 1_000_000).cast("long"))
    assert wrong.count() == 0


def test_numbers_are_those_of_oxview(spark: SparkSession, logs: pathlib.Path) -> None:
    table = spark.read.parquet(str(logs / "sealed" / "type=request"))
    took = f.col("end") - f.col("start")
    failed = (f.col("`response.status`") >= 500).cast("int")
    rows = table.groupBy("path").agg(f.count("*"), f.avg(failed), f.max(took), f.countDistinct("host")).collect()
    stats = "count,err,max(duration),distinct(host)"
    lines = tool("oxview", "-l", logs, "-n", "request", "--by", "path", "--stats", stats, "-o", "json").splitlines()
    ours = {line["path"]: line for line in map(json.loads, lines)}
    assert len(ours) == len(rows) == 5
    for path, count, err, longest, hosts in rows:
        our = ours[path]
        assert (our["count"], our["distinct(host)"]) == (count, hosts)
        assert our["err"] == pytest.approx(err)
        assert our["max(duration)"] == pytest.approx(longest, abs=1e-9)


def test_a_field_that_changed_and_the_rest(spark: SparkSession, logs: pathlib.Path) -> None:
    table = spark.read.parquet(str(logs / "sealed" / "type=request"))
    assert table.agg(f.count("user"), f.sum("user")).first() == (PER_DAY, sum(range(PER_DAY)))
    rest = table.where("id = '1-7'").select("_rest").first()
    assert rest
    assert msgpack.unpackb(bytes(rest[0])) == {"body": {"user": "user-7"}}


def test_added_fields_and_all_types(spark: SparkSession, logs: pathlib.Path) -> None:
    path = str(logs / "sealed" / "type=request")
    assert "added" not in spark.read.parquet(path).columns
    merged = spark.read.option("mergeSchema", "true").parquet(path)
    assert merged.agg(f.count("added"), f.sum("added")).first() == (PER_DAY, sum(range(PER_DAY)))
    everything = spark.read.parquet(str(logs / "sealed"))
    assert sorted(map(tuple, everything.groupBy("type").count().collect())) == [
        ("_own", 1),
        ("odd=type:x", 1),
        ("request", 3 * PER_DAY),
    ]
    assert everything.where("time IS NULL OR host IS NULL OR `end` IS NULL").count() == 0
