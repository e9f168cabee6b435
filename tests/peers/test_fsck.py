"""`oxctl fsck --repair` is killed wherever it stands; the next one ends what it began, and nothing is lost by it."""

from __future__ import annotations

import json
import pathlib
import random
import shutil
import subprocess
from typing import Any, Callable

from daemon import Daemon, environment, json_lines, program, tool
from events import parts
from ports import free_port
from waiting import wait_for

KILLS = 40
EVENTS = 400


def fsck(directory: pathlib.Path, *flags: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(tool("oxctl", "--raw", "fsck", *flags, directory, codes=codes))
    checked: dict[str, Any] = answer["checked"][0]
    return checked


def damage(spool: pathlib.Path, rng: random.Random) -> None:
    """A few bytes within the payload of frames, in the oldest segment that holds events."""
    segment = next(path for path in sorted(spool.glob("*.oxw")) if b"damaged" in path.read_bytes())
    content = bytearray(segment.read_bytes())
    places = [at for at in range(len(content)) if content.startswith(b"damaged", at)]
    for place in rng.sample(places, 5):
        content[place] ^= 0xFF
    segment.write_bytes(content)


def seqs(spool: pathlib.Path) -> list[int]:
    return [event["body"]["seq"] for event in json_lines(tool("oxview", "-o", "json", spool, codes=(0, 65)))]


def test_a_repair_that_is_killed_is_ended_by_the_next(
    start_daemon: Callable[..., Daemon],
    tmp_path: pathlib.Path,
    rng: random.Random,
    measured: Callable[[str], None],
) -> None:
    agent = start_daemon("--forward", f"127.0.0.1:{free_port()}", "--spool-max", "1MiB", logs=False)
    for first in range(0, EVENTS, 10):
        agent.push(*[parts("damaged", seq, pad="x" * 300) for seq in range(first, first + 10)])
    wait_for("the events to be queued", lambda: agent.status()["forward"][0]["queued"] == EVENTS)
    agent.kill()
    damaged = tmp_path / "damaged"
    shutil.copytree(agent.base / "spool", damaged)
    damage(damaged, rng)
    found = fsck(damaged, codes=(65,))["findings"]
    assert found

    whole = tmp_path / "whole"
    shutil.copytree(damaged, whole)
    assert fsck(whole, "--repair")["repaired"]
    left = seqs(whole)
    assert 0 < len(left) < EVENTS
    took = 0.0
    cut_short = 0
    for number in range(KILLS):
        spool = tmp_path / f"killed-{number}"
        shutil.copytree(damaged, spool)
        command = [program("oxctl"), "fsck", "--repair", str(spool)]
        repairing = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # from at once to a little longer than a repair takes
            repairing.wait(took := (number + 1) * 0.002)
        except subprocess.TimeoutExpired:
            repairing.kill()
            repairing.wait()
            cut_short += 1
        fsck(spool, "--repair")
        assert seqs(spool) == left, f"killed after {took:.3f} s"
        assert fsck(spool)["findings"] == []
        shutil.rmtree(spool)
    # and a daemon delivers what is left
    collector = start_daemon(name="collector")
    start_daemon("--forward", collector.address("collection"), "--spool", str(whole), logs=False, name="again")
    wait_for("what is left", lambda: len(collector.logs.seqs("damaged")) >= len(left))
    assert collector.logs.seqs("damaged") == left
    measured(f"{cut_short} of {KILLS} repairs were killed before their end; {len(left)} of {EVENTS} events were left")
