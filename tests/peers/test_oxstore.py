"""oxstore's MsgPack, of whatever form and place, read by the original oxview."""

from __future__ import annotations

import ast
import bz2
import json
import pathlib
from typing import Any

import msgpack
import pytest

import originals
from daemon import tool

DAY = "20120313"
NOON = 1_331_640_000.0
VERSIONS = pytest.mark.parametrize("version", originals.versions())


def request(number: int) -> dict[str, Any]:
    body = {"path": f"/{number % 7}", "status": 200 + number % 3, "tags": ["a", number], "user": {"id": number}}
    end = NOON + number
    own = {"type": "request", "id": f"{number:032x}", "host": "web-1", "pid": 7, "start": end - 0.5, "end": end}
    return {**own, "body": body}


@pytest.fixture
def forms(tmp_path: pathlib.Path) -> tuple[bytes, dict[str, list[str]]]:
    """A day file, and how `oxstore cat` is asked for the same events in other forms."""
    hot = b"".join(msgpack.packb(request(number)) for number in range(500))
    log, packed = tmp_path / "logs", tmp_path / "packed"
    for root in (log, packed):
        (root / DAY).mkdir(parents=True)
    (log / DAY / f"request-{DAY}.log").write_bytes(hot)
    (packed / DAY / f"request-{DAY}-web-1.log.bz2").write_bytes(bz2.compress(hot))
    sealed, bucket = tmp_path / "sealed", f"file://{tmp_path}/bucket"
    tool("oxstore", "seal", "-p", log, "--sealed", sealed, "--keep")
    tool("oxstore", "upload", "-p", log, "--sealed", sealed, "-b", bucket)
    name = f"type=request/date=2012-03-13/request-{DAY}.parquet"
    return hot, {
        "hot": [f"{log}/{DAY}/request-{DAY}.log"],
        "archive": [f"{packed}/{DAY}/request-{DAY}-web-1.log.bz2"],
        "log path": ["-p", str(log), "request"],
        "archives": ["-p", str(packed), "request", "-s", DAY, "-e", DAY],
        "sealed": [f"{sealed}/{name}"],
        "bucket": ["-b", bucket, "request"],
        "object": [f"{bucket}/{name}"],
    }


def shown(version: str, output: bytes) -> list[Any]:
    lines = output.decode().splitlines()
    return [json.loads(line) if version == "0.11.3" else ast.literal_eval(line) for line in lines]


@VERSIONS
def test_the_original_reads_what_cat_writes(version: str, forms: tuple[bytes, dict[str, list[str]]]) -> None:
    hot, asked = forms

    def seen(stream: bytes) -> list[Any]:
        path = pathlib.Path(asked["hot"][0]).with_name("piped")
        path.write_bytes(stream)
        with path.open("rb") as file:
            return shown(version, originals.run(version, "oxview", stdin=file))

    expected = seen(hot)
    assert len(expected) == 500
    for form, arguments in asked.items():
        assert seen(tool("oxstore", "cat", *arguments)) == expected, form


def test_duckdb_reads_a_bucket_as_it_reads_the_directory(forms: tuple[bytes, dict[str, list[str]]]) -> None:
    import duckdb

    _, asked = forms
    bucket = asked["bucket"][1].removeprefix("file://")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT type, date::VARCHAR, count(DISTINCT id) FROM read_parquet('{bucket}/*/*/*.parquet',"
            " hive_partitioning = true) GROUP BY ALL"
        ).fetchall()
    assert rows == [("request", "2012-03-13", 500)]
