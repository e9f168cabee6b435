"""The dashboard and the alert rules ask for metrics that the daemons really export, with labels that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Callable

import pytest

from daemon import TOP, Daemon
from waiting import wait_for

GRAFANA = TOP / "packaging" / "grafana"
SAMPLE = re.compile(r"^(blueox_\w+?)(?:\{(.*)\})? \S+$", re.MULTILINE)
TYPE = re.compile(r"^# TYPE (blueox_\w+) (\w+)$", re.MULTILINE)
NAME = re.compile(r"\bblueox_\w+")
# what Prometheus adds to each sample
ADDED = {"job", "instance"}


def exported(daemon: Daemon) -> dict[str, set[str]]:
    """The labels of each metric."""
    code, body = daemon.http("control", "GET", "/metrics")
    assert code == 200
    found: dict[str, set[str]] = {}
    for name, kind in TYPE.findall(body.decode()):
        # some have samples only once there is something to count
        found[f"{name}_total" if kind == "counter" else name] = set()
    for name, labels in SAMPLE.findall(body.decode()):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def asked() -> Iterator[tuple[str, str]]:
    """The expressions, and where they stand."""
    dashboard = json.loads((GRAFANA / "dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']!r}", target["expr"] + " " + target["legendFormat"]
    for variable in dashboard["templating"]["list"]:
        yield f"variable {variable['name']!r}", variable["query"]
    rules = (GRAFANA / "alerts.yml").read_text(encoding="utf-8")
    for name, text in re.findall(r"- alert: (\w+)\n(.*?)(?=- alert|\Z)", rules, re.DOTALL):
        yield f"alert {name}", text


@pytest.fixture
def metrics(start_daemon: Callable[..., Daemon]) -> dict[str, set[str]]:
    collector = start_daemon()
    agent = start_daemon("--forward", collector.address("collection"), logs=False)
    agent.http(
        "collection", "POST", "/v1/events", b'{"type":"seen"}\nnonsense\n', {"Content-Type": "application/x-ndjson"}
    )
    wait_for("the event at the collector", lambda: "seen" in collector.status()["types"])
    known = exported(collector)
    for name, labels in exported(agent).items():
        known.setdefault(name, set()).update(labels)
    return known


def test_every_name_and_label_is_exported(metrics: dict[str, set[str]]) -> None:
    wrong = []
    places = list(asked())
    assert len(places) > 30
    for place, text in places:
        names = set(NAME.findall(text))
        wrong += [f"{place}: no daemon exports {name}" for name in sorted(names - metrics.keys())]
        have = ADDED.union(*(metrics.get(name, set()) for name in names))
        used = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", text))
        for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", text):
            used |= {label.strip() for label in group.split(",")}
        wrong += [f"{place}: the label {label} is on none of its metrics" for label in sorted(used - have)]
    assert not wrong, "\n".join(wrong)
