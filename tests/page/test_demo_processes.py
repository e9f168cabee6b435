"""`oxview demo`, as a newcomer starts it."""

from __future__ import annotations

import json
import pathlib
import re
import signal
import urllib.parse
import urllib.request
from typing import Any

from waiting import PATIENCE, wait_for

from page_server import PageServer


def get(url: str, path: str, **pairs: object) -> Any:
    with urllib.request.urlopen(f"{url}api/v1{path}?{urllib.parse.urlencode(pairs)}", timeout=PATIENCE) as response:
        return json.loads(response.read())


def is_running(pid: int) -> bool:
    return pathlib.Path(f"/proc/{pid}").exists()


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

        wait_for("15 minutes of past", has_past)
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
        health = get(url, "/health")
        assert {one["role"] for one in health["daemons"]} == {"agent", "collector"}
        pids = [one["status"]["pid"] for one in health["daemons"]]
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
