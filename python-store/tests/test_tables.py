"""Events and answers as Arrow, pandas and Polars."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pandas
import polars
import pyarrow
import pytest
import stores
from daemon import tool

import blueox_store


@pytest.fixture(scope="module", params=["hot", "sealed"])
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    logs = tmp_path_factory.mktemp(request.param) / "logs"
    stores.store(logs)
    if request.param == "sealed":
        tool("oxstore", "seal", "-p", logs)
        for path in logs.glob("2012*/*"):
            path.unlink()
    return logs


def expected() -> list[dict[str, Any]]:
    return [event for events in stores.days() for event in events]


def test_columns_and_their_types(logs: pathlib.Path) -> None:
    table = blueox_store.read(logs, type="request").to_arrow()
    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        **{"time": "timestamp[us, tz=UTC]", "type": "string", "id": "string", "host": "string", "pid": "int64"},
        **{"start": "double", "end": "double", "sample_rate": "double"},
        **{"bytes": "string", "huge": "string", "none": "string", "nothing": "string", "ok": "bool", "path": "string"},
        # whole numbers and others; numbers, text and a map's path
        **{"response.size": "int64", "response.status": "int64", "score": "double"},
        **{"user": "string", "user.id": "int64", "user.tags": "string"},
    }


def test_values(logs: pathlib.Path) -> None:
    events = expected()
    rows = blueox_store.read(logs, type="request").to_arrow().to_pylist()
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        body = event["body"]
        assert (row["id"], row["start"], row["end"], row["ok"]) == (
            event["id"],
            event["start"],
            event["end"],
            body["ok"],
        )
        assert row["time"].timestamp() == pytest.approx(event["end"], abs=1e-6)
        assert (row["score"], row["response.size"]) == (body["score"], body["response"]["size"])
        assert row["sample_rate"] == event.get("sample_rate")
        user = body["user"]
        assert row["user"] == (None if isinstance(user, dict) else str(user))
        assert row["user.id"] == (user["id"] if isinstance(user, dict) else None)
        assert row["user.tags"] == (json.dumps(user["tags"], separators=(",", ":")) if isinstance(user, dict) else None)
        odd = ("\\xff\\xfe", str(2**64 - 1), "{}") if "huge" in body else (None, None, None)
        assert (row["bytes"], row["huge"], row["none"]) == odd
        assert row["nothing"] is None


def test_pandas_and_polars_have_the_same(logs: pathlib.Path) -> None:
    events = blueox_store.read(logs, type="request", fields=["time", "path", "score", "user", "missing"])
    table = events.to_arrow()
    frame = events.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["time", "path", "score", "user", "missing"]
    assert str(frame["time"].dtype.tz) == "UTC"
    polar = events.to_polars()
    assert isinstance(polar, polars.DataFrame)
    assert polar.rows() == [tuple(row.values()) for row in table.to_pylist()]
    assert frame["score"].tolist() == polar["score"].to_list()
    assert frame["missing"].isna().all()


def test_any_consumer_of_the_stream(logs: pathlib.Path) -> None:
    events = blueox_store.read(logs, type="request", fields="path")
    reader = pyarrow.RecordBatchReader.from_stream(events)
    assert sum(batch.num_rows for batch in reader) == len(expected())
    # it can be taken again
    assert polars.DataFrame(events).height == pyarrow.table(events).num_rows == len(expected())
    answer = blueox_store.stats(logs, by="path", every="1h")
    assert pyarrow.table(answer).num_rows == polars.DataFrame(answer).height == len(answer)
    with pytest.raises(NotImplementedError, match="cast them"):
        pyarrow.RecordBatchReader.from_stream(events, schema=pyarrow.schema([("path", pyarrow.large_string())]))


def test_answers(logs: pathlib.Path) -> None:
    question: dict[str, Any] = {"type": "request", "every": "1h", "stats": "count,err,max(duration)"}
    answer = blueox_store.stats(logs, by=["path", "response.status", "ok"], **question)
    rows = answer.to_arrow().to_pylist()
    assert rows == list(answer)
    assert answer.to_pandas()["response.status"].sum() == sum(row["response.status"] for row in answer)
    assert answer.to_polars().columns == answer.columns
    mixed = blueox_store.stats(logs, by="user", stats="count", top=5)
    assert mixed[-1]["other_groups"] > 1000
    assert mixed.to_polars()["other_groups"].to_list() == [None] * 5 + [mixed[-1]["other_groups"]]
    assert blueox_store.stats(logs, where="path = nowhere", by="path").to_pandas().shape == (0, 6)
    assert blueox_store.read(logs, where="path = nowhere").to_polars().height == 0


def test_too_many_fields_are_told(tmp_path: pathlib.Path) -> None:
    event = {"type": "t", "id": "x", "host": "h", "pid": 1, "start": 1.0, "end": 2.0}
    stores.write(tmp_path, "t", 0, [{**event, "body": {f"key-{number}": 1}} for number in range(600)])
    with pytest.raises(ValueError, match="more than 500 different fields; name those"):
        blueox_store.read(tmp_path).to_arrow()
    assert blueox_store.read(tmp_path, fields=["key-7"]).to_polars().sum().item() == 1


def test_what_no_column_holds(tmp_path: pathlib.Path) -> None:
    event = {"type": "t", "id": "x", "host": "h", "pid": 1, "start": 1.0, "end": 2.0}
    stores.write(tmp_path, "t", 0, [{**event, "own": [1, 2], "body": {"a.b": 1, "c": 2}}])
    row = blueox_store.read(tmp_path).to_arrow().to_pylist()[0]
    assert json.loads(row["_rest"]) == {"own": [1, 2], "body": {"a.b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("method", "package"), [("to_pandas", "pandas"), ("to_polars", "polars"), ("to_arrow", "pyarrow")]
)
def test_what_to_install(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, method: str, package: str) -> None:
    stores.store(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    for answer in (blueox_store.read(tmp_path), blueox_store.stats(tmp_path)):
        with pytest.raises(ImportError, match=rf"needs {package}: pip install 'blueox-store\["):
            getattr(answer, method)()
