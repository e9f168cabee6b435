"""`oxctl audit` over real daemons: every number is accounted for, and every gap is named."""

from __future__ import annotations

import json
import os
import pathlib
from functools import partial
from typing import Any, Callable

import native_wire as wire
from daemon import Daemon, tool
from events import event, packed
from native_wire import connected
from ports import free_port
from waiting import wait_for

Start = Callable[..., Daemon]
QUEUE_FULL = 1


def batch(seq: int, count: int = 3, pad: int = 0) -> bytes:
    events = (packed(event("audited", (seq - 1) * count + n, pad="x" * pad)) for n in range(count))
    return wire.data(seq, count, b"".join(events))


def audit(*daemons: Daemon, code: int = 0, log_paths: tuple[pathlib.Path, ...] = ()) -> dict[str, Any]:
    """What the audit says; log paths of daemons that run here are found by themselves."""
    hosts = [argument for daemon in daemons for argument in ("-H", daemon.address("control"))]
    paths = [argument for path in log_paths for argument in ("-l", path)]
    answer: dict[str, Any] = json.loads(tool("oxctl", "audit", "--raw", *hosts, *paths, codes=(code,)))
    total = answer["total"]
    parts = total["stored"] + total["queued"] + sum(total["dropped"].values()) + total["removed"] + total["missing"]
    assert total["numbers"] == parts
    assert answer["balanced"] == (code == 0)
    return answer


def line_of(answer: dict[str, Any], stream: bytes) -> dict[str, Any]:
    name = f"{int.from_bytes(stream, 'little'):032x}"
    found: dict[str, Any] = next(line for line in answer["streams"] if line["stream"] == name)
    return found


def gaps_of(answer: dict[str, Any], stream: bytes) -> list[tuple[int, int, str, str]]:
    name = f"{int.from_bytes(stream, 'little'):032x}"
    return [(gap["first"], gap["last"], gap["what"], gap["reason"]) for gap in answer["gaps"] if gap["stream"] == name]


def test_what_an_application_lost_is_named(start_daemon: Start) -> None:
    collector = start_daemon(name="collector")
    agent = start_daemon("--forward", collector.address("collection"), logs=False, name="agent")
    for daemon in (collector, agent):
        stream = os.urandom(16)
        with connected(daemon.tcp("collection")) as sender:
            sender.handshake(stream, 1)
            sender.send(wire.ping(1, 17, ((QUEUE_FULL, 2),)))
            sender.send(batch(1), wire.lost(2, 3, 6, QUEUE_FULL), wire.data(4, 2, b"\xc1\xc1"), batch(5))
            sender.acked(5)
            sender.cut()
        wait_for("the events to be stored", lambda: len(collector.logs.seqs("audited")) % 6 == 0)
        # while it waits, and when it is stored
        for _ in range(2):
            answer = audit(agent, collector)
            line = line_of(answer, stream)
            assert (line["numbers"], line["stored"] + line["queued"], line["missing"]) == (5, 2, 0)
            assert line["dropped"] == {"queue_full": 2, "not_an_event": 1}
            assert line["events"]["dropped"] == {"queue_full": 6, "not_an_event": 2}
            assert (line["ended"], line["produced"], line["dropped_before_numbering"]) == (False, 17, {"queue_full": 2})
            gaps = [(2, 3, "dropped", "queue_full"), (4, 4, "dropped", "not_an_event")]
            assert gaps_of(answer, stream) == gaps
            wait_for("all to be forwarded", lambda: agent.status()["events"]["queued"] == 0)
    text = tool("oxctl", "audit", "-H", agent.address("control"), "-H", collector.address("control")).decode()
    assert text.startswith("balanced: "), text
    assert text.count("broke off") == 2


def test_what_a_full_spool_dropped_is_named(start_daemon: Start) -> None:
    port = free_port()
    limits = ("--spool-max", "1MiB", "--spool-full", "drop-oldest")
    agent = start_daemon("--forward", f"127.0.0.1:{port}", *limits, logs=False, name="agent")
    stream, last = os.urandom(16), 120
    with connected(agent.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        for seq in range(1, last + 1):
            sender.send(batch(seq, pad=10_000))
            sender.acked(seq)
        sender.send(wire.bye(last))
        assert sender.expect(wire.BYE).numbers() == (last,)
    before = audit(agent)
    collector = start_daemon("--collect", f"127.0.0.1:{port}", name="collector")
    wait_for("all to be forwarded", lambda: agent.status()["forward"][0]["queued"] == 0)
    wait_for("the end to be stored", lambda: 3 * last - 1 in collector.logs.seqs("audited"))
    # the agent has sent on what it lost: without it the collector knows as much
    assert gaps_of(audit(collector), stream)[0][2] == "dropped"
    after = audit(agent, collector)
    line = line_of(after, stream)
    dropped = line["dropped"]["spool_full"]
    assert 0 < dropped < last
    assert (line["numbers"], line["stored"], line["ended"]) == (last, last - dropped, True)
    assert len(set(collector.logs.seqs("audited"))) == 3 * (last - dropped)
    # a report of drops that came in between may have pushed out more
    assert 0 < line_of(before, stream)["dropped"]["spool_full"] <= dropped
    (gap,) = gaps_of(after, stream)
    assert gap[:3] == (1, dropped, "dropped")
    assert gap[3].startswith("spool_full by ")


def is_active(agent: Daemon, address: str) -> bool:
    return bool(agent.status()["forward"][0]["active"] == address)


def test_a_switch_is_balanced_and_overlap_is_counted_once(start_daemon: Start) -> None:
    first, second = start_daemon(name="first"), start_daemon(name="second")
    agent = start_daemon(
        "--forward", ",".join(c.address("collection") for c in (first, second)), logs=False, name="agent"
    )
    stream = os.urandom(16)
    with connected(agent.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        for seq in range(1, 11):
            sender.send(batch(seq))
            if seq == 5:
                sender.acked(5)
                wait_for("the first to have some", lambda: agent.status()["events"]["queued"] == 0)
                to = second.address("collection")
                tool("oxctl", "-H", agent.address("control"), "forward", "switch", to)
                wait_for("the switch", partial(is_active, agent, to))
        sender.acked(10)
    doubled = os.urandom(16)
    for collector, session in ((first, 1), (second, 2)):
        with connected(collector.tcp("collection")) as sender:
            sender.handshake(doubled, session, next_seq=4)
            sender.send(batch(1), batch(2), batch(3))
            sender.acked(3)
    wait_for("all to be forwarded", lambda: agent.status()["events"]["queued"] == 0)

    def all_stored() -> bool:
        seqs = first.logs.seqs("audited") + second.logs.seqs("audited")
        return len(seqs) == 30 + 18

    wait_for("all to be stored", all_stored)
    answer = audit(agent, first, second)
    line = line_of(answer, stream)
    assert (line["numbers"], line["stored"], line["events"]["stored"]) == (10, 10, 30)
    line = line_of(answer, doubled)
    assert (line["numbers"], line["stored"], line["events"]["stored"]) == (3, 3, 9)
    name = f"{int.from_bytes(doubled, 'little'):032x}"
    assert [(o["first"], o["last"]) for o in answer["overlaps"] if o["stream"] == name] == [(1, 3)]
    # without the second collector's files a part is missing, and it is said where it went
    paths = (first.base / "logs",)
    second.stop()

    def has_passed() -> bool:
        code, body = agent.http("control", "GET", "/v1/audit")
        assert code == 200
        return all(cursor["behind_numbers"] == 0 for cursor in json.loads(body)["cursors"])

    wait_for("the agent's cursor to be durable", has_passed)
    lost = json.loads(tool("oxctl", "audit", "--raw", "-H", agent.address("control"), "-l", paths[0], codes=(65,)))
    assert line_of(lost, stream)["missing"] == 5


def test_drops_are_events_too(start_daemon: Start) -> None:
    daemon = start_daemon()
    stream = os.urandom(16)
    with connected(daemon.tcp("collection")) as sender:
        sender.handshake(stream, 1)
        sender.send(batch(1), wire.data(2, 2, b"\xc1\xc1"))
        sender.acked(2)
        wait_for("the drop to be an event", lambda: daemon.logs.events("blueox.dropped"))
    (dropped,) = daemon.logs.events("blueox.dropped")
    body = {"reason": "not_an_event", "count": 2, "where": "daemon", "total": {"not_an_event": 2}}
    assert (dropped["body"], dropped["pid"]) == (body, daemon.process.pid)
    assert daemon.accepted() == 3
    assert daemon.status()["events"]["accepted"] == 4
