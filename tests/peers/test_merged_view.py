"""Two collectors that both have some batches: the merged view shows each event once, at once and while they grow."""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgpack
import pytest

from cluster import Cluster
from daemon import environment, json_lines, program, tool
from logfiles import text
from member import DaemonMember
from numbered import Number, number_of
from verdict import judge
from waiting import PATIENCE, wait_for


@pytest.fixture
def cluster(tmp_path: pathlib.Path, rng: random.Random) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, rng)
    try:
        cluster.add_application("native-1", "send_native.py", 500.0)
        cluster.start()
        yield cluster
    finally:
        cluster.abandon()


def accepted(cluster: Cluster, index: int) -> int:
    count: int = cluster.collectors[index].status()["events"]["accepted"]
    return count


def wait_growth(cluster: Cluster, index: int, events: int = 300) -> None:
    goal = accepted(cluster, index) + events
    wait_for(f"collector {index} to get {events} events", lambda: accepted(cluster, index) >= goal)


def directories(log_paths: Sequence[pathlib.Path]) -> list[str]:
    return [word for path in log_paths for word in ("-l", str(path))]


class Follower:
    """`oxview -f` over log paths; what it showed goes to a file."""

    def __init__(self, log_paths: Sequence[pathlib.Path], output: pathlib.Path) -> None:
        self._output = output
        command = [program("oxview"), "-f", "-o", "msgpack", "--tail", "1000000", *directories(log_paths)]
        self._stderr = output.with_name(f"{output.name}.stderr")
        with output.open("wb") as file, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=stderr, env=environment(), stdin=subprocess.DEVNULL
            )

    def saw_a_cut(self) -> bool:
        return b"became shorter" in self._stderr.read_bytes()

    def wait_more(self) -> None:
        shown = self.shown().total()
        wait_for("the follower to show more", lambda: self.shown().total() > shown)

    def shown(self) -> Counter[Number]:
        events = msgpack.Unpacker(io.BytesIO(self._output.read_bytes()), raw=True, strict_map_key=False)
        return Counter(number_of(text(event)) for event in events)

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def assert_clean(cluster: Cluster) -> None:
    spools = [str(cluster.base / member.name / "spool") for member in cluster.daemons]
    tool("oxctl", "fsck", *spools, *cluster.log_paths)


def both_have_events(cluster: Cluster) -> None:
    wait_growth(cluster, 0)
    # a log path without days is nothing to look at
    cluster.go_over("b")
    wait_growth(cluster, 1)
    cluster.go_over("a")
    wait_growth(cluster, 0)


def assert_merged(cluster: Cluster) -> tuple[Counter[Number], str]:
    """After the end: each event once in the merged view, and how many stand in both directories."""
    verdict = judge(cluster.records(), cluster.log_paths)
    merged = json_lines(tool("oxview", "-o", "json", *directories(cluster.log_paths)))
    times = Counter(number_of(event) for event in merged)
    assert set(times.values()) == {1}
    assert len(times) == verdict.stored
    alone = sum(len(json_lines(tool("oxview", "-o", "json", "-l", path))) for path in cluster.log_paths)
    assert alone > len(merged), "no event came to both: nothing was merged"
    return times, f"merged view: {verdict}; {alone - len(merged):,} in both"


def test_following_through_a_failover(
    cluster: Cluster, tmp_path: pathlib.Path, measured: Callable[[str], None]
) -> None:
    both_have_events(cluster)
    follower = Follower(cluster.log_paths, tmp_path / "followed")
    try:
        # what was under way when it stood still is durable there later, and goes to the other one too
        for _ in range(2):
            cluster.collectors[0].pause()
            wait_growth(cluster, 1)
            cluster.collectors[0].resume()
            cluster.go_over("a")
            wait_growth(cluster, 0)
        # a spool is read beside the daemon that writes it
        tool("oxview", "-o", "msgpack", cluster.base / "agent" / "spool", codes=(0, 65))
        cluster.drain_and_stop()
        times, said = assert_merged(cluster)
        wait_for("the follower to show all", lambda: len(follower.shown()) == len(times))
        follower.stop()
        assert follower.shown() == times
    finally:
        follower.stop()
    assert_clean(cluster)
    measured(said)


def test_following_through_kills(cluster: Cluster, tmp_path: pathlib.Path, measured: Callable[[str], None]) -> None:
    """What a killed collector cuts back and writes again is shown once, in the merged view and to who follows."""
    both_have_events(cluster)
    follower = Follower(cluster.log_paths, tmp_path / "followed")
    first = cluster.collectors[0]
    try:
        first.pause()
        wait_growth(cluster, 1)
        first.resume()
        kills = 0
        while kills < 3 or (kills < 30 and not follower.saw_a_cut()):
            cluster.go_over("a")
            wait_growth(cluster, 0)
            follower.wait_more()
            first.kill()
            kills += 1
            wait_growth(cluster, 1)
            start_and_halt_where_files_are_cut(first, follower)
        cluster.go_over("a")
        wait_growth(cluster, 0)
        cluster.drain_and_stop()
        times, said = assert_merged(cluster)
        wait_for("the follower to show all", lambda: len(follower.shown()) == len(times))
        follower.stop()
        assert follower.shown() == times
    finally:
        follower.stop()
    assert follower.saw_a_cut(), "no file was cut back: nothing was recognised"
    assert_clean(cluster)
    measured(f"{kills} kills; {said}")


def start_and_halt_where_files_are_cut(collector: DaemonMember, follower: Follower) -> None:
    """The cut and what is written again are milliseconds apart; who follows looks four times a second."""
    before = {path: path.stat().st_size for path in collector.directory.glob("logs/[0-9]*/*.log")}
    assert before
    collector.start()

    def caught_or_past() -> bool:
        sizes = [(path.stat().st_size, size) for path, size in before.items()]
        if any(now < size for now, size in sizes):
            collector.pause()
            return True
        return any(now > size for now, size in sizes)

    deadline = time.monotonic() + PATIENCE
    while not caught_or_past():
        assert time.monotonic() < deadline, "its files stay as they are"
        collector.assert_alive()
    if collector.paused:
        # it may have gone on before it stood still
        with contextlib.suppress(AssertionError):
            wait_for("the follower to see it", follower.saw_a_cut, 1.0)
        collector.resume()
    collector.wait_ready()


def test_ranges_after_a_kill(tmp_path: pathlib.Path, rng: random.Random) -> None:
    cluster = Cluster(tmp_path, rng, collectors=())
    try:
        cluster.add_application("native-1", "send_native.py", 500.0)
        cluster.start()
        for _ in range(3):
            goal = cluster.agent.status()["events"]["stored"] + 300
            cluster.agent.wait_status("more stored", lambda status, goal=goal: status["events"]["stored"] >= goal)
            cluster.agent.kill()
            cluster.agent.start()
            cluster.agent.wait_ready()
        cluster.drain_and_stop()
        verdict = judge(cluster.records(), cluster.log_paths)
        # fsck compares ranges and files; all that is in the files must be named
        report = json.loads(tool("oxctl", "--raw", "fsck", *cluster.log_paths))
        checked = report["checked"][0]
        assert (checked["events"], checked["findings"]) == (verdict.stored, [])
        assert checked["batches"] > 0
        assert_clean(cluster)
    finally:
        cluster.abandon()
