"""A collector that stands still, and a network that is cut: the agent goes over to the backup, and comes back."""

from __future__ import annotations

import pathlib
import random
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from cluster import Cluster
from verdict import judge
from waiting import PATIENCE, wait_for


@pytest.fixture
def cluster(tmp_path: pathlib.Path, rng: random.Random) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, rng)
    try:
        cluster.add_application("native-1", "send_native.py", 500.0)
        cluster.start()
        wait_active(cluster, "a")
        yield cluster
    finally:
        cluster.abandon()


def the_list(cluster: Cluster) -> dict[str, Any]:
    listed: dict[str, Any] = cluster.agent.status()["forward"][0]
    return listed


def wait_active(cluster: Cluster, collector: str, seconds: float = PATIENCE) -> None:
    address = cluster.destination(collector)
    wait_for(f"{collector} to be active", lambda: the_list(cluster)["active"] == address, seconds)


def accepted(cluster: Cluster, index: int) -> int:
    count: int = cluster.collectors[index].status()["events"]["accepted"]
    return count


def wait_growth(cluster: Cluster, index: int, seconds: float = PATIENCE) -> None:
    """Until the collector has got more than now."""
    before = accepted(cluster, index)
    wait_for(f"collector {index} to get events", lambda: accepted(cluster, index) > before, seconds)


def fails_over_and_back(cluster: Cluster, disturb: Callable[[], None], heal: Callable[[], None]) -> str:
    wait_for("some load", lambda: accepted(cluster, 0) > 500)
    began = time.monotonic()
    disturb()
    wait_growth(cluster, 1)
    took = time.monotonic() - began
    assert the_list(cluster)["active"] == cluster.destination("b")
    assert the_list(cluster)["switches"] >= 1
    heal()
    wait_active(cluster, "a")
    wait_growth(cluster, 0)
    assert the_list(cluster)["switches"] >= 2
    cluster.drain_and_stop()
    return f"switched after {took:.2f} s; {judge(cluster.records(), cluster.log_paths)}"


def test_a_collector_that_stands_still(cluster: Cluster, measured: Callable[[str], None]) -> None:
    first = cluster.collectors[0]
    measured(f"a stopped collector: {fails_over_and_back(cluster, first.pause, first.resume)}")


def test_a_network_that_is_cut(cluster: Cluster, measured: Callable[[str], None]) -> None:
    link = cluster.links["a"]
    measured(f"a cut network: {fails_over_and_back(cluster, link.hold, link.heal)}")


def test_a_collector_that_is_killed(cluster: Cluster, measured: Callable[[str], None]) -> None:
    first = cluster.collectors[0]
    measured(f"a killed collector: {fails_over_and_back(cluster, first.kill, first.start)}")


def test_lists_are_changed_under_traffic(cluster: Cluster, measured: Callable[[str], None]) -> None:
    """Whatever the order of changes: every event arrives, and in the merged view once."""
    a, b = cluster.destination("a"), cluster.destination("b")
    wait_growth(cluster, 0)
    cluster.go_over("b")
    change(cluster, ("remove", a), [b], grows=1)
    change(cluster, ("add", a), [b, a], grows=1)
    cluster.go_over("a")
    change(cluster, ("remove", b), [a], grows=0)
    change(cluster, ("set", b), [b], grows=1)
    change(cluster, ("set", f"{a},{b}"), [a, b], grows=0)
    cluster.drain()
    cluster.audit()
    cluster.drain_and_stop()
    measured(f"lists changed under traffic: {judge(cluster.records(), cluster.log_paths)}")


def change(cluster: Cluster, words: tuple[str, ...], addresses: list[str], grows: int) -> None:
    """`oxctl forward`; then that is the list, and events come to a collector."""
    cluster.forward(*words)
    cluster.end_switches(codes=(0,))
    wait_for(
        f"the list to be {addresses}",
        lambda: [destination["address"] for destination in the_list(cluster)["destinations"]] == addresses,
    )
    wait_growth(cluster, grows)


def test_a_connection_that_hangs_is_taken_over(cluster: Cluster, measured: Callable[[str], None]) -> None:
    """The agent's connection is held, not closed: for the collector it is still there when the agent comes again."""
    wait_growth(cluster, 0)
    agent, first, link = cluster.agent, cluster.collectors[0], cluster.links["a"]
    node = agent.status()["native"]["node"]

    def session() -> int:
        streams = first.status()["native"]["streams"]
        numbers: list[int] = [known["session"] for known in streams if known["stream"] == node]
        return max(numbers)

    before, connections = session(), link.connections
    link.hold()
    wait_active(cluster, "b")
    # it tries the first again and again, into connections that carry nothing
    wait_for("a second connection", lambda: link.connections > connections)
    link.heal()
    wait_active(cluster, "a")
    wait_growth(cluster, 0)
    wait_for("a higher session", lambda: session() > before)
    cluster.drain_and_stop()
    measured(f"a connection that hung: {judge(cluster.records(), cluster.log_paths)}")


def test_lag_shows_while_no_collector_answers(cluster: Cluster, measured: Callable[[str], None]) -> None:
    wait_growth(cluster, 0)
    for collector in cluster.collectors:
        collector.pause()
    wait_for("lag of a second", lambda: the_list(cluster)["lag_seconds"] > 1.0)
    wait_for("lag of three", lambda: the_list(cluster)["lag_seconds"] > 3.0)
    assert the_list(cluster)["queued"] > 500
    assert the_list(cluster)["queued_bytes"] > 0
    assert cluster.agent.status()["events"]["queued"] > 500
    for collector in cluster.collectors:
        collector.resume()
    wait_for("the lag to go", lambda: the_list(cluster)["lag_seconds"] < 1.0)
    cluster.drain_and_stop()
    measured(f"no collector for a while: {judge(cluster.records(), cluster.log_paths)}")
