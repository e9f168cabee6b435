"""The library's integrations (axum, tracing, log) against a real oxd: the examples are run, their events looked at."""

from __future__ import annotations

import subprocess
from typing import Any

from daemon import Daemon, environment, program
from waiting import wait_for

Event = dict[str, Any]


def run(name: str, daemon: Daemon, *arguments: object) -> str:
    """Runs an example to its end; gives what it printed."""
    environ = {**environment(), "BLUEOX_HOST": daemon.address("collection")}
    command = [program(name), *map(str, arguments)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True).stdout


def stored(daemon: Daemon, type_name: str) -> list[Event]:
    wait_for("the queue to be empty", lambda: daemon.status()["events"]["queued"] == 0)
    events: list[Event] = daemon.logs.events(type_name)
    return events


def test_a_shop_of_axum(daemon: Daemon) -> None:
    said = run("web_shop", daemon, "--visits", 400, "--rate", 400).splitlines()[-1]
    requests = stored(daemon, "request")
    sql, calls = stored(daemon, "request.sql"), stored(daemon, "request.stock")
    total = len(requests) + len(sql) + len(calls) + len(stored(daemon, "request.cache"))
    assert said == f"{total} events, {total} of them on the daemon's disk, 0 dropped"
    answered = [event for event in requests if event["body"]["endpoint"] == "/stock/{sku}"]
    # A visitor's request may meet a connection that a panic has closed.
    assert 395 <= len(requests) - len(answered) <= 400
    spans = {event["span"]: event for event in requests}
    for child in sql:
        parent = spans[child["parent"]]
        assert parent["id"] == child["id"]
        assert parent["start"] <= child["start"] <= child["end"] <= parent["end"]
    for event in requests:
        if "outcome" not in event:
            assert event["body"]["response"]["status"] >= 200
            assert event["body"].get("queries", 0) == sum(child["parent"] == event["span"] for child in sql)
    # What another service did is below the call that asked for it, by the header alone.
    asking = {event["span"]: event for event in calls}
    assert {event["parent"] for event in answered} == set(asking)
    assert all(event["id"] == asking[event["parent"]]["id"] for event in answered)


def test_spans_of_tracing(daemon: Daemon) -> None:
    said = run("with_tracing", daemon)
    reports = {event["body"]["night"]: event for event in stored(daemon, "report")}
    assert [reports[night]["body"]["pages"] for night in (1, 2, 3)] == [2, 4, 0]
    failed = {event["body"]["night"]: event["body"].get("exception") for event in stored(daemon, "report.rows")}
    assert failed[1] is failed[2] is None
    assert failed[3] == {"message": "out of range integral type conversion attempted"}
    prints = {event["id"]: event for event in stored(daemon, "report.print")}
    assert prints[reports[3]["id"]]["outcome"] == "panicked"
    assert "nothing to print" in prints[reports[3]["id"]]["body"]["exception"]["message"]
    assert all(prints[reports[night]["id"]]["parent"] == reports[night]["span"] for night in (1, 2, 3))
    lines = [event["body"]["msg"] for event in stored(daemon, "report.print.log")]
    assert lines == ["printing"] * 3
    assert said == "13 events, 13 on the daemon's disk\n"


def test_lines_of_log(daemon: Daemon) -> None:
    said = run("with_log", daemon)
    assert [event["body"]["msg"] for event in stored(daemon, "log")] == ["begins"]
    jobs = {event["body"]["table"]: event for event in stored(daemon, "clean")}
    assert [name for name, event in jobs.items() if "exception" in event["body"]] == ["/"]
    lines = stored(daemon, "clean.log")
    assert sorted(event["body"]["level"] for event in lines) == ["ERROR", "INFO", "INFO", "INFO"]
    assert {event["id"] for event in lines} == {event["id"] for event in jobs.values()}
    assert said == "8 events, 8 on the daemon's disk\n"
