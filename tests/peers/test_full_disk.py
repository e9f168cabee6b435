"""A real full disk, below the spool and below the log path."""

from __future__ import annotations

import pathlib
import random
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from cluster import Cluster
from small_disk import SmallDisk
from verdict import judge
from waiting import wait_for

MIB = 1 << 20

MakeDisk = Callable[[str, int], SmallDisk]
MakeCluster = Callable[..., Cluster]


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[MakeDisk]:
    disks: list[SmallDisk] = []

    def make(directory: str, size: int) -> SmallDisk:
        disks.append(SmallDisk(tmp_path / directory, size))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


@pytest.fixture
def make_cluster(small_disk: MakeDisk, tmp_path: pathlib.Path, rng: random.Random) -> Iterator[MakeCluster]:
    clusters: list[Cluster] = []

    def make(**options: object) -> Cluster:
        clusters.append(Cluster(tmp_path, rng, **options))  # type: ignore[arg-type]
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.abandon()


def acked(cluster: Cluster) -> int:
    return sum(len(record.acked) for record in cluster.records())


def wait_acked(cluster: Cluster, more: int) -> None:
    """Until so many more events are acked than now."""
    goal = acked(cluster) + more
    wait_for(f"{more} more acks", lambda: acked(cluster) >= goal)


def test_a_full_log_path_holds_nothing_up(
    small_disk: MakeDisk, make_cluster: MakeCluster, measured: Callable[[str], None]
) -> None:
    disk = small_disk("agent/logs", 8 * MIB)
    cluster = make_cluster(collectors=(), small={"agent/logs": disk})
    cluster.add_application("http-1", "send_http.py", 300.0)
    cluster.start()
    agent = cluster.agent
    wait_acked(cluster, 200)
    disk.fill()
    # day files go on to the end of their last page
    agent.wait_status("it sees that the log path is full", lambda status: status["disk"]["state"] == "failing")
    wait_acked(cluster, 500)
    # killed and started on the full log path it takes events as before
    agent.kill()
    agent.start()
    agent.wait_ready()
    wait_acked(cluster, 500)
    assert agent.status()["events"]["queued"] > 500
    disk.make_room()
    agent.wait_status("it goes on by itself", lambda status: status["disk"]["state"] == "ok")
    wait_acked(cluster, 200)
    cluster.drain_and_stop()
    measured(f"a full log path: {judge(cluster.records(), cluster.log_paths)}")


def test_a_full_spool_pushes_back_and_drains_with_no_byte_free(
    small_disk: MakeDisk, make_cluster: MakeCluster, measured: Callable[[str], None]
) -> None:
    disk = small_disk("agent/spool", 16 * MIB)
    cluster = make_cluster(small={"agent/spool": disk})
    agent = cluster.agent
    # nobody takes anything; the spool may have more than there is room for
    agent.start()
    agent.wait_ready()
    applications = [
        cluster.add_application("native-1", "send_native.py", 20_000.0),
        cluster.add_application("http-1", "send_http.py", 5_000.0),
    ]
    for application in applications:
        application.start()
    agent.wait_status("the spool is full", lambda status: status["spool"]["full"], 90.0)
    disk.fill()
    wait_still(cluster)
    before = acked(cluster)
    for _ in range(2):
        agent.kill()
        disk.fill()
        agent.start()
        agent.wait_ready()
    wait_for("the events of before", lambda: agent.status()["events"]["queued"] >= before)
    for collector in cluster.collectors:
        collector.start()
    # it drains, has room again and takes events, all by itself, while the filler stays
    wait_acked(cluster, 2_000)
    agent.wait_status("it is no longer full", lambda status: not status["spool"]["full"])
    cluster.drain_and_stop()
    measured(f"a full spool: {before:,} events acked into it; {judge(cluster.records(), cluster.log_paths)}")


def wait_still(cluster: Cluster) -> None:
    """Until nothing more is acked for a while: the applications are pushed back."""
    seen = [(time.monotonic(), acked(cluster))]

    def still() -> bool:
        now = acked(cluster)
        if now != seen[0][1]:
            seen[0] = (time.monotonic(), now)
        return time.monotonic() - seen[0][0] > 1.5

    wait_for("nothing more to be acked", still)
