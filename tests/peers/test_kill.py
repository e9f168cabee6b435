"""Applications, agent and collectors are killed under load again and again; every acked event is stored exactly once.

BLUEOX_KILLS says how often (`make soak` does 10,000), BLUEOX_KILL_SEED repeats what a failure printed: the same
disturbances in the same order, though not at the same instants.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shutil
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import originals
from cluster import Cluster
from kill_loop import KillLoop
from numbered import number_of
from verdict import assert_whole, judge
from verdict import stored as stored_events

KILLS = int(os.environ.get("BLUEOX_KILLS", "100"))
KILLS_A_ROUND = 200
QUIET_EVENTS = 300


def seeds() -> list[int]:
    fixed = os.environ.get("BLUEOX_KILL_SEED")
    return [int(fixed)] if fixed else [random.SystemRandom().randrange(2**32)]


@pytest.mark.parametrize("seed", seeds())
def test_what_was_acked_is_stored_once_whatever_is_killed(
    seed: int, tmp_path: pathlib.Path, measured: Callable[[str], None]
) -> None:
    left = KILLS
    while left > 0:
        measured(one_round(tmp_path / str(seed), seed, min(left, KILLS_A_ROUND)))
        left -= KILLS_A_ROUND
        seed += 1


def one_round(base: pathlib.Path, seed: int, kills: int) -> str:
    rng = random.Random(seed)
    spool_max, compress = rng.choice(("4MiB", "8MiB", "32MiB")), rng.choice(("none", "zstd", "lz4"))
    copies = rng.random() < 0.25
    base.mkdir(parents=True)
    with contextlib.ExitStack() as held:
        original = None
        if with_original(rng):
            original = held.enter_context(originals.daemon(originals.versions()[0], base))
        also_to = [original.collection] if original else []
        cluster = Cluster(base, rng, spool_max=spool_max, compress=compress, copies=copies, also_to=also_to)
        said = disturbed(cluster, rng, base, seed, kills, copies)
        if original:
            # it acknowledges nothing, so nothing is promised but that it is served
            types = original.ask("STATUS")["events"]
            assert types, "the original collector got nothing"
            said += f"; an original collector got {len(types)} types"
    shutil.rmtree(base)
    return said


def with_original(rng: random.Random) -> bool:
    """A copy goes to an original collector too, now and then in long runs: it is slow, and all wait for it."""
    return rng.random() < 0.25 and KILLS >= KILLS_A_ROUND and bool(originals.versions())


def disturbed(cluster: Cluster, rng: random.Random, base: pathlib.Path, seed: int, kills: int, copies: bool) -> str:
    cluster.add_application("native-1", "send_native.py", rng.choice((50.0, 300.0, 2_000.0)))
    cluster.add_application("native-2", "send_native.py", 200.0, over_link=True)
    cluster.add_application("http-1", "send_http.py", rng.choice((50.0, 300.0, 2_000.0)))
    cluster.add_application("http-2", "send_http.py", 100.0, over_link=True)
    cluster.add_application("zmtp-1", "send_zmtp.py", rng.choice((50.0, 300.0, 1_000.0)))
    began = time.monotonic()
    loop = KillLoop(cluster, rng)
    try:
        cluster.start()
        loop.run(kills)
        cluster.restore()
        send_in_quiet(cluster)
        cluster.drain()
        audited = cluster.audit()["total"]
        # applications give up numbers on purpose, daemons none
        assert set(audited["dropped"]) <= {"queue_full"}, f"the ledger has drops: {audited['dropped']}"
        cluster.drain_and_stop()
        records = cluster.records()
        for record in records:
            if record.app == "quiet":
                record.acked.update(range(1, QUIET_EVENTS + 1))
        verdict = judge(records, cluster.log_paths)
        for path in cluster.log_paths if copies else []:
            judge(records, [path])
        assert_whole([*cluster.log_paths, *(daemon.directory / "spool" for daemon in cluster.daemons)])
    except BaseException:
        (base / "history").write_text("\n".join(loop.history) + "\n")
        print(f"BLUEOX_KILL_SEED={seed}, after {loop.kills} kills; everything is kept in {base}")
        raise
    finally:
        cluster.abandon()
    said = f"{loop.kills} kills in {time.monotonic() - began:.0f} s; {verdict}"
    return f"seed {seed}: {said}; audited {audited['numbers']:,} numbers, {audited['stored']:,} stored"


def test_what_a_full_spool_drops_is_accounted_for_whatever_is_killed(
    tmp_path: pathlib.Path, rng: random.Random, measured: Callable[[str], None]
) -> None:
    """Its oldest events go while no collector is there; the ledger has each, over kills of agent and collectors."""
    cluster = Cluster(tmp_path, rng, spool_max="1MiB", spool_full="drop-oldest")
    agent = cluster.agent
    kills = 0
    try:
        application = cluster.add_application("native-1", "send_native.py", 2_000.0)
        cluster.start()
        for _ in range(3):
            for collector in cluster.collectors:
                collector.kill()
            before = agent.status()["events"]["accepted"]
            agent.wait_status(
                "more than it has room for",
                lambda status, before=before: status["events"]["accepted"] > before + 4_000,
            )
            agent.kill()
            kills += 3
            for daemon in cluster.daemons:
                daemon.start()
                daemon.wait_ready()
            agent.wait_status("all forwarded", lambda status: status["forward"][0]["lag_seconds"] < 1.0)
        cluster.drain()
        audited = cluster.audit()
        cluster.stop()
    finally:
        cluster.abandon()
    record = next(record for record in cluster.records() if record.app == application.name)
    stored = [number.n for number in map(number_of, of_the_application(cluster, application.name))]
    assert len(stored) == len(set(stored)), "an event is stored more than once"
    (line,) = [line for line in audited["streams"] if line["host"] == application.name]
    assert line["dropped"].get("spool_full", 0) > 0, "nothing was dropped: nothing was accounted for"
    assert (line["missing"], line["queued"], line["ended"]) == (0, 0, True)
    assert line["numbers"] == line["stored"] + sum(line["dropped"].values())
    assert line["events"]["stored"] == len(stored)
    assert set(stored) <= set(range(1, record.sent + 1))
    assert record.acked - set(stored), "nothing that was acked is gone, and yet something was dropped"
    numbers = (
        f"{line['numbers']:,} numbers: {line['stored']:,} stored, {line['dropped']['spool_full']:,} dropped and named"
    )
    measured(f"{kills} kills: {len(record.acked):,} events acked, {len(stored):,} stored; {numbers}")


def of_the_application(cluster: Cluster, name: str) -> Iterator[dict[str, Any]]:
    """Its events in the merged view; the daemons' own reports of drops stand there too."""
    return (event for event in stored_events(cluster.log_paths) if event["host"] == name)


def send_in_quiet(cluster: Cluster) -> None:
    """By ZeroMQ nothing is acked; but what is sent while nobody is killed arrives, and so counts as acked."""
    quiet = cluster.add_application("quiet", "send_zmtp.py", 1_000.0, count=QUIET_EVENTS)
    quiet.start()
    quiet.wait_left()
