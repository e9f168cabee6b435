"""Two collectors that both have some batches: each event is given and counted once."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import google_crc32c
import native_wire as wire
import pytest
from daemon import Daemon, json_lines, tool
from events import event, packed
from native_wire import connected

import blueox_store


@pytest.fixture
def collectors(tmp_path: pathlib.Path) -> Iterator[list[Daemon]]:
    daemons = [Daemon(tmp_path / name) for name in ("one", "two")]
    try:
        for daemon in daemons:
            daemon.wait_ready()
        yield daemons
    finally:
        for daemon in daemons:
            daemon.kill()


def settle(logs: pathlib.Path) -> None:
    """Says in the place of a stopped daemon that its windows are over, so that today's can be sealed."""
    path = logs / ".blueox" / "settled"
    words = path.read_text().split()
    said = f"{words[0]} {words[1]} 2999010100"
    path.write_text(f"{said} {google_crc32c.value(said.encode()):08x}\n")


def test_each_event_once(collectors: list[Daemon]) -> None:
    batches = {
        seq: wire.data(seq, 3, b"".join(packed(event("native", (seq - 1) * 3 + number)) for number in range(3)))
        for seq in range(1, 41)
    }
    for session, (collector, first, last) in enumerate([(collectors[0], 1, 20), (collectors[1], 11, 40)], start=1):
        with connected(collector.tcp("collection")) as sender:
            sender.handshake(bytes(range(16)), session, next_seq=first, ack_floor=first - 1)
            for seq in range(first, last + 1):
                sender.send(batches[seq])
            sender.acked(last)
            sender.send(wire.bye(last))
        collector.wait_stored("native", 3 * (last - first + 1))
    for collector in collectors:
        collector.stop()
    paths = [collector.base / "logs" for collector in collectors]
    # hot, then one of them sealed, then both
    for number in range(3):
        for path in paths[:number]:
            settle(path)
            tool("oxstore", "seal", "-p", path)
        assert sorted(event["body"]["seq"] for event in blueox_store.read(paths)) == list(range(120))
        assert blueox_store.read(f"{paths[0].parent.parent}/*/logs").to_polars()["seq"].n_unique() == 120
        stats = "count,sum(seq),p99(seq),distinct(seq)"
        theirs = json_lines(tool("oxview", "-l", paths[0], "-l", paths[1], "--by", "host", "--stats", stats))
        assert list(blueox_store.stats(paths, by="host", stats=stats)) == theirs
        assert theirs[0]["count"] == 120
