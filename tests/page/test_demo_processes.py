"""`oxview demo`, as a newcomer starts it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import urllib.parse
import urllib.request
from typing import Any

from daemon import tool
from waiting import PATIENCE, wait_for

from page_server import PageServer


def get(url: str, path: str, **pairs: object) -> Any:
    with urllib.request.urlopen(f"{url}api/v1{path}?{urllib.parse.urlencode(pairs)}", timeout=PATIENCE) as response:
        return json.loads(response.read())


def is_running(pid: int) -> bool:
    """A zombie, which nobody may ask about in a container without an init, runs no more."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def daemons(url: str) -> dict[str, int]:
    """The process of each daemon by its role, when both have answered: on a loaded machine one may be late once."""

    def both() -> dict[str, int] | None:
        known = [one for one in get(url, "/health")["daemons"] if one["status"] is not None]
        pids = {one["role"]: one["status"]["pid"] for one in known}
        return pids if pids.keys() == {"agent", "collector"} else None

    found = wait_for("both daemons to answer", both)
    assert found is not None
    return found


def test_the_demo_is_alive_finds_its_incident_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    served = PageServer(tmp_path, "demo", "--seed", "7")
    try:
        url = served.url
        about = get(url, "/about")
        assert about["demo"]

        def has_past() -> bool:
            rows = get(url, "/overview")["rows"]
            types = {row["type"]: row["count"] for row in rows}
            return (
                types.get("request", 0) > 15_000 and {"request.sql", "request.cache", "cron", "deploy"} <= types.keys()
            )

        wait_for("15 minutes of past", has_past, 3 * PATIENCE)
        hosts = get(url, "/breakdown", by="host", type="request")["rows"]
        assert {row["key"][0]["value"] for row in hosts} == {"web-1", "web-2", "web-3", "web-4"}
        compared = get(url, "/compare", type="request", low=0.7, **{"from": "-5m"})
        first = compared["fields"][0]
        deployed = get(url, "/events", type="deploy")["events"][0]["event"]
        assert first["field"] in {"endpoint", "request.path", "version"}
        assert any(
            field["field"] == "version" and field["values"][0]["value"] == deployed["body"]["version"]
            for field in compared["fields"][:4]
        )
        slowest = get(url, "/events", type="request", order="slowest", limit=1, filter="duration > 700ms")["events"][0]
        assert get(url, "/trace/" + slowest["id"])["count"] > 1
        before = get(url, "/overview")["rows"][0]["count"]
        wait_for("what happens now", lambda: get(url, "/overview", since="-20m")["rows"][0]["count"] > before)
        pids = list(daemons(url).values())
        served.process.send_signal(signal.SIGINT)
        wait_for("the demo to end", lambda: served.process.poll() is not None)
        said = served.log.read_text()
        assert served.process.returncode == 0, said
        assert not any(map(is_running, pids))
        planted = re.search(r"the incident: \w+ (\S+) on (\S+) was slow", said)
        assert planted, said
        assert planted[2] == deployed["host"]
        assert first["values"][0]["value"] in {planted[1], deployed["body"]["version"]}
        assert not pathlib.Path(about["log_paths"][0]).parent.exists()
    finally:
        if served.process.poll() is None:
            served.stop()


def test_a_killed_demo_leaves_no_daemon(tmp_path: pathlib.Path) -> None:
    served = PageServer(tmp_path, "demo", "--rate", "1", "--data", str(tmp_path / "data"))
    pids = []
    try:
        pids = list(daemons(served.url).values())
        served.process.kill()
        served.process.wait(PATIENCE)
        wait_for("its daemons to end", lambda: not any(map(is_running, pids)))
    finally:
        if served.process.poll() is None:
            served.stop()
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


def test_a_collector_that_fails_loses_nothing(tmp_path: pathlib.Path) -> None:
    """Killed again and again: agent, collector and log path together account for each number of each stream."""
    data = tmp_path / "data"
    served = PageServer(tmp_path, "demo", "--fail-collector", "--fail-seconds", "2,1", "--data", str(data))
    try:

        def has_failed() -> bool:
            return served.log.read_text().count("the collector is back") >= 3

        wait_for("some rounds", has_failed, 3 * PATIENCE)
        hosts = [part for one in get(served.url, "/about")["daemons"] for part in ("-H", one)]

        def balances() -> dict[str, Any] | None:
            # while it is away, and while what was sent is on its way, it cannot
            said = json.loads(tool("oxctl", "audit", "-r", *hosts, "-l", data / "logs", codes=(0, 1)) or "{}")
            return said if said.get("balanced") else None

        audited = wait_for("an audit that balances", balances, 3 * PATIENCE)
        assert audited is not None
        total = audited["total"]
        assert total["missing"] == 0
        assert total["dropped"] == {}
        assert total["events"]["stored"] > 0
        assert {one["role"] for one in audited["daemons"]} == {"agent", "collector"}
        served.stop()
        assert served.process.returncode == 0, served.log.read_text()
    finally:
        served.kill()
