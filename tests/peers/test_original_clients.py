"""Applications with the original library, under Python 2.7, send to our daemon."""

from __future__ import annotations

import pathlib
from collections import Counter
from functools import partial

import pytest

import originals
from daemon import Daemon, json_lines, tool
from logfiles import decode, split
from ports import free_port
from waiting import wait_for

# An original client drops what exceeds its queue (some thousand events in 0.11.3, 100 parts in 0.4.2): wait between
# rounds.
ROUNDS = 10
EACH = {"0.11.3": 200, "0.4.2": 20}


@pytest.mark.parametrize("version", originals.versions())
def test_each_event_is_stored_once_and_byte_for_byte(daemon: Daemon, version: str, tmp_path: pathlib.Path) -> None:
    copy, made, each = tmp_path / "copy", 0, EACH[version]
    with originals.client(version, daemon.address("collection"), copy) as client:
        for number in range(ROUNDS):
            made += client.emit(number * each, each)
            wait_for("the events of this round", partial(_are_stored, daemon, made))
        client.end()

    sent = split(copy.read_bytes())
    assert len(sent) == made
    assert Counter(daemon.logs.all_raw()) == Counter(sent)
    types = {"request", "request.sql"} | (set() if version == "0.4.2" else {"request.cache", "request.sql.row"})
    for type_name in types:
        mine = [value for value in sent if decode(value)["type"] == type_name]
        assert daemon.logs.raw(type_name) == mine, f"{type_name} is out of order"
        assert daemon.logs.seqs(type_name) == list(range(ROUNDS * each))
    assert set(daemon.status()["types"]) == types
    assert daemon.accepted() == made


def _are_stored(daemon: Daemon, count: int) -> bool:
    return len(daemon.logs.all_raw()) == count


@pytest.mark.parametrize("version", originals.versions())
def test_what_the_application_said_is_what_we_show(daemon: Daemon, version: str, tmp_path: pathlib.Path) -> None:
    with originals.client(version, daemon.address("collection"), tmp_path / "copy") as client:
        client.emit(7, 1)
        client.end()
    daemon.wait_stored("request", 1)
    daemon.wait_stored("request.sql", 1)
    (parent,) = json_lines(tool("oxview", daemon.logs.today("request")))
    (child,) = json_lines(tool("oxview", "-l", daemon.logs.path, "-n", "request.sql"))
    assert parent["type"] == "request"
    assert child["id"] == parent["id"]
    assert child["body"] == {"seq": 7, "query": "SELECT 7"}
    assert parent["start"] <= child["start"] <= child["end"] <= parent["end"]
    took = parent["body"].pop("render")["time"]
    assert 0 <= took <= parent["end"] - parent["start"]
    assert parent["body"] == {
        "seq": 7,
        "request": {"headers": {"host": "example.org", "agent": "caf\u00e9"}},
        "latin": "caf\\xe9",
        "pair": [1, 2],
        "count": 42,
        "tags": ["a", "\u65e5\u672c"],
    }


@pytest.mark.parametrize("version", originals.versions())
def test_a_client_that_started_before_the_daemon_is_heard(
    base: pathlib.Path, version: str, tmp_path: pathlib.Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    with originals.client(version, address, tmp_path / "copy") as client:
        made = client.emit(0, 20)
        daemon = Daemon(base, "--collect", address)
        try:
            daemon.wait_ready()
            wait_for("what was queued at the client", lambda: len(daemon.logs.all_raw()) == made)
            client.end()
            daemon.stop()
        finally:
            daemon.kill()
    assert Counter(daemon.logs.all_raw()) == Counter(split((tmp_path / "copy").read_bytes()))
