"""`blueox.contrib.sqlalchemy`, with SQLite."""

from __future__ import annotations

import asyncio
import pathlib

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

import blueox
import blueox.contrib.sqlalchemy
from blueox.testing import Capture


def test_a_statement_is_an_event(blueox_events: Capture) -> None:
    engine = blueox.contrib.sqlalchemy.record(sqlalchemy.create_engine("sqlite://"))
    with blueox.Context("request") as request, engine.begin() as connection:
        connection.execute(text("CREATE TABLE carts (id INTEGER, owner TEXT)"))
        connection.execute(text("INSERT INTO carts VALUES (:id, :owner)"), {"id": 7, "owner": "anna"})
        many = [{"id": n, "owner": "bert"} for n in range(3)]
        connection.execute(text("INSERT INTO carts VALUES (:id, :owner)"), many)
        connection.execute(text("UPDATE carts SET owner = 'carl' WHERE owner = 'bert'"))
        assert connection.execute(text("SELECT count(*) FROM carts")).scalar() == 4
    engine.dispose()
    events = blueox_events.of("request.sql")
    assert {event["id"] for event in events} == {request.id}
    assert {event["parent"] for event in events} == {blueox_events.one("request")["span"]}
    create, insert, batch, update, select = (event["body"] for event in events)
    assert create["query"].startswith("CREATE TABLE")
    assert insert["query"] == "INSERT INTO carts VALUES (?, ?)"
    assert insert["rows"] == 1
    assert batch["batch"] == 3
    assert update["rows"] == 3
    assert select["query"] == "SELECT count(*) FROM carts"
    assert not any("args" in body for body in (create, insert, batch, update, select))


def test_parameters_on_request(blueox_events: Capture) -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    blueox.contrib.sqlalchemy.record(engine, name=".db", parameters=True)
    with engine.connect() as connection:
        connection.execute(text("SELECT :a"), {"a": 7})
    engine.dispose()
    assert blueox_events.one("db")["body"]["args"] == [7]


def test_an_error_is_recorded(blueox_events: Capture) -> None:
    engine = blueox.contrib.sqlalchemy.record(sqlalchemy.create_engine("sqlite://"))
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT * FROM nowhere"))
    engine.dispose()
    body = blueox_events.one("sql")["body"]
    assert body["query"] == "SELECT * FROM nowhere"
    assert "nowhere" in body["exception"]["message"]


def test_an_asynchronous_engine(blueox_events: Capture, tmp_path: pathlib.Path) -> None:
    async def run() -> None:
        engine = blueox.contrib.sqlalchemy.record(create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/db"))

        async def one(n: int) -> None:
            with blueox.Context("job") as job:
                job.set("n", n)
                async with engine.connect() as connection:
                    await connection.execute(text(f"SELECT {n}"))

        await asyncio.gather(*(one(n) for n in range(5)))
        await engine.dispose()

    asyncio.run(run())
    numbers = {event["id"]: event["body"]["n"] for event in blueox_events.of("job")}
    assert {numbers[event["id"]]: event["body"]["query"] for event in blueox_events.of("job.sql")} == {
        n: f"SELECT {n}" for n in range(5)
    }


def test_recording_twice_records_once(blueox_events: Capture) -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    for _ in range(2):
        blueox.contrib.sqlalchemy.record(engine)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert len(blueox_events.of("sql")) == 1


def test_what_is_no_engine_is_named() -> None:
    with pytest.raises(TypeError, match="str"):
        blueox.contrib.sqlalchemy.record("sqlite://")
