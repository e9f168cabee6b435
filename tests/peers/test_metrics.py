"""`/metrics`: every name, as dashboards and alerts know them; what is renamed breaks those of others."""

from __future__ import annotations

import pathlib
import re
from typing import Callable

from daemon import Daemon
from waiting import wait_for

GOLDEN = pathlib.Path(__file__).with_name("metrics.txt")
DESCRIBED = re.compile(r"^# (TYPE|UNIT) (blueox_\w+) (\w+)$", re.MULTILINE)
LABELLED = re.compile(r"^(blueox_\w+?)(?:\{(.*)\})? \S+$", re.MULTILINE)


def described(daemon: Daemon) -> set[str]:
    """`name: counter, bytes {reason}` for each metric."""
    code, body = daemon.http("control", "GET", "/metrics")
    assert code == 200
    text = body.decode()
    assert text.endswith("# EOF\n")
    words: dict[str, list[str]] = {}
    for _, name, word in DESCRIBED.findall(text):
        words.setdefault(name, []).append(word)
    labels: dict[str, set[str]] = {}
    for name, pairs in LABELLED.findall(text):
        known = next((known for known in (name, name.removesuffix("_total")) if known in words), None)
        assert known, f"{name} has a sample and no description"
        labels.setdefault(known, set()).update(re.findall(r'(\w+)="', pairs))
    lines = set()
    for name, said in words.items():
        mine = sorted(labels.get(name, set()))
        lines.add(f"{name}: {', '.join(said)}" + (f" {{{', '.join(mine)}}}" if mine else ""))
    return lines


def test_the_names_are_those_that_were_promised(
    start_daemon: Callable[..., Daemon], measured: Callable[[str], None]
) -> None:
    collector = start_daemon()
    agent = start_daemon("--forward", collector.address("collection"), name="agent")
    body = b'{"type":"counted"}\nnonsense\n'
    agent.http("collection", "POST", "/v1/events", body, {"Content-Type": "application/x-ndjson"})
    wait_for("the event at the collector", lambda: collector.accepted() == 1)
    wait_for("the agent to know", lambda: agent.status()["forward"][0]["queued"] == 0)
    found = described(agent) | described(collector)
    promised = set(GOLDEN.read_text(encoding="utf-8").splitlines())
    gone = sorted(promised - found)
    assert not gone, f"{GOLDEN.name} is what dashboards rely on, and this is gone or changed: {gone}"
    # a new one breaks nobody; it belongs there from the first release on that has it
    measured(f"metrics that {GOLDEN.name} does not promise yet: {', '.join(sorted(found - promised)) or 'none'}")
