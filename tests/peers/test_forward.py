"""Agents that forward to collectors, ours and original ones."""

from __future__ import annotations

import json
import pathlib
import signal
import time
from typing import Any, Callable

import pytest

import originals
from daemon import Daemon, tool
from events import event, packed, parts
from link import Link
from ports import free_port
from waiting import wait_for

Start = Callable[..., Daemon]


def forward(agent: Daemon, index: int = 0) -> dict[str, Any]:
    """What the agent says about one of its lists."""
    answer: dict[str, Any] = agent.status()["forward"][index]
    return answer


def wait_forwarded(agent: Daemon, count: int, index: int = 0) -> None:
    wait_for(f"{count} events to be forwarded", lambda: forward(agent, index)["forwarded"] == count)


@pytest.mark.parametrize("version", originals.versions())
def test_an_original_collector_is_served_as_it_expects(
    start_daemon: Start, tmp_path: pathlib.Path, version: str
) -> None:
    with originals.daemon(version, tmp_path) as original:
        agent = start_daemon("--forward", original.collection, logs=False)
        sent = [packed(event("request", seq)) for seq in range(500)]
        agent.push(*[[parts("request", 0)[0], body] for body in sent])
        wait_forwarded(agent, 500)
        state = forward(agent)
        assert (state["state"], state["delivery"], state["queued"]) == ("active", "at_most_once", 0)
        assert agent.status()["role"] == "agent"
        agent.stop()
        original.ask("SHUTDOWN")
        wait_for("the original to write its files", lambda: len(original.logs.raw("request")) == 500)
        assert sorted(original.logs.seqs("request")) == list(range(500))


def test_events_wait_for_a_collector_that_is_not_there(start_daemon: Start) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    agent = start_daemon("--forward", nowhere, logs=False, name="agent")
    agent.push(*[parts("request", seq) for seq in range(10)])
    wait_for("the events to be queued", lambda: forward(agent)["queued"] == 10)
    # the first attempt may still be under way
    wait_for("the error to show", lambda: "refused" in (forward(agent)["destinations"][0]["error"] or ""))
    assert forward(agent)["active"] is None
    assert wait_for("the lag", lambda: forward(agent)["lag_seconds"]) > 0
    agent.stop()
    assert any("not forwarded yet; they stay in the spool" in line for line in agent.stderr)
    agent = start_daemon("--forward", nowhere, logs=False, name="agent")
    events = agent.status()["events"]
    assert (events["recovered"], events["queued"]) == (10, 10)


def test_a_spool_of_another_port_is_not_forgotten(start_daemon: Start) -> None:
    collect, other = (f"127.0.0.1:{free_port()}" for _ in range(2))
    nowhere = f"127.0.0.1:{free_port()}"
    flags = ["--forward", nowhere, "--log-path", "logs", "--collect"]
    agent = start_daemon(*flags, collect, name="agent")
    agent.push(*[parts("request", seq) for seq in range(10)])
    wait_for("the events to be queued", lambda: forward(agent)["queued"] == 10)
    spool = agent.base / "state" / "blueox" / collect.rpartition(":")[2]
    agent.kill()
    # on another port it has another spool, and says what it leaves behind
    agent = start_daemon(*flags, other, name="agent")
    warnings = [line for line in agent.stderr if "holds events that nobody delivers" in line]
    assert len(warnings) == 1
    (sibling,) = agent.status()["spool"]["siblings"]
    assert (sibling["directory"], sibling["events"]) == (str(spool), 10)
    assert sibling["rescue"] in warnings[0]
    health = tool("oxctl", "-H", agent.address("control"), "health").decode()
    assert f"10 events wait in {spool}" in health
    assert sibling["rescue"] in health
    agent.stop()
    # what it says delivers them
    command = sibling["rescue"].partition(": oxd ")[2].partition(" and stop it when")[0].split()
    collector = start_daemon("--collect", nowhere, name="collector")
    rescuer = start_daemon(*command, name="agent")
    wait_for("all to be delivered", lambda: forward(rescuer)["queued"] == 0)
    wait_once(10, collector)
    rescuer.stop()
    agent = start_daemon(*flags, other, name="agent")
    assert agent.status()["spool"]["siblings"] == []


def test_a_changed_list_is_kept(start_daemon: Start) -> None:
    first, second, third = (f"127.0.0.1:{free_port()}" for _ in range(3))
    agent = start_daemon("--forward", first, logs=False, name="agent")

    def change(command: str, addresses: str, code: int = 200) -> Any:
        body = json.dumps({"command": command, "addresses": addresses}).encode()
        got, answer = agent.http("control", "POST", "/v1/forward", body, {"X-BlueOx": "1"})
        assert got == code, answer
        return json.loads(answer)

    def addresses() -> list[str]:
        code, answer = agent.http("control", "GET", "/v1/forward")
        assert code == 200
        return [destination["address"] for destination in json.loads(answer)["lists"][0]["destinations"]]

    assert agent.http("control", "POST", "/v1/forward", b"{}")[0] == 403
    change("add", second)
    change("add", third)
    change("remove", first)
    assert addresses() == [second, third]
    assert "add it first" in change("switch", first, 400)["error"]
    change("switch", third)
    agent.kill()
    agent = start_daemon("--forward", first, logs=False, name="agent")
    assert addresses() == [second, third]
    agent.stop()
    agent = start_daemon("--forward", f"{first},{second}", logs=False, name="agent")
    assert addresses() == [first, second]
    assert any("the flags count" in line for line in agent.stderr)


def collect_at(daemon: Daemon) -> list[str]:
    """With what a daemon listens where it did, on the spool that it had while the system chose its port."""
    return ["--collect", daemon.address("collection"), "--spool", "logs/.blueox/spool"]


def once(*collectors: Daemon) -> list[int]:
    """The numbers of all events that the collectors hold, each as often as it stands there."""
    return sorted(seq for collector in collectors for seq in collector.logs.seqs("request"))


def wait_once(count: int, *collectors: Daemon) -> None:
    wait_for(f"{count} events", lambda: len(once(*collectors)) >= count)
    assert once(*collectors) == list(range(count))


def test_every_event_is_stored_once_whoever_is_killed(start_daemon: Start) -> None:
    collector = start_daemon(name="collector")
    address = collector.address("collection")
    agent = start_daemon("--forward", address, logs=False, name="agent")
    sent, before = 0, 0

    def accepted() -> bool:
        return bool(agent.accepted() == sent - before)

    def committed() -> bool:
        list = forward(agent)
        return bool(list["forwarded"] + list["queued"] - list["recovered"] == sent - before)

    for round in range(6):
        for _ in range(20):
            agent.push(*[parts("request", seq) for seq in range(sent, sent + 25)])
            sent += 25
        wait_for("the agent to have them", accepted)
        if round % 3 == 0:
            collector.kill()
            collector = start_daemon(*collect_at(collector), name="collector")
        elif round % 3 == 1:
            # what it has shown to who watches is in its spool; forwarded or not
            wait_for("the agent to have committed them", committed)
            agent.kill()
            before = sent
            agent = start_daemon("--forward", address, logs=False, name="agent")
        else:
            collector.stop()
            collector = start_daemon(*collect_at(collector), name="collector")
    wait_for("nothing to wait", lambda: forward(agent)["queued"] == 0)
    wait_once(sent, collector)
    wait_for("the agent to be connected again", lambda: forward(agent)["delivery"] == "durable")


def test_a_stopped_collector_is_left_and_taken_back(start_daemon: Start, measured: Callable[[str], None]) -> None:
    first, backup = start_daemon(name="first"), start_daemon(name="backup")
    destinations = [first.address("collection"), backup.address("collection")]
    agent = start_daemon("--forward", ",".join(destinations), logs=False, name="agent")
    agent.push(*[parts("request", seq) for seq in range(100)])
    wait_forwarded(agent, 100)

    first.process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        agent.push(*[parts("request", seq) for seq in range(100, 200)])
        wait_forwarded(agent, 200)
        measured(f"a stopped collector: its backup had all after {time.monotonic() - begun:.2f} s")
        assert forward(agent)["active"] == destinations[1]
    finally:
        first.process.send_signal(signal.SIGCONT)
    wait_for("the first to be taken back", lambda: forward(agent)["active"] == destinations[0])
    agent.push(*[parts("request", seq) for seq in range(200, 300)])
    wait_forwarded(agent, 300)
    wait_for("all to be stored", lambda: set(once(first, backup)) == set(range(300)))
    # what was under way when it stopped may stand at both
    assert set(backup.logs.seqs("request")) >= set(range(100, 200))
    if forward(agent)["switches"] == 2:  # a third would be the machine's doing, not the test's
        assert not set(backup.logs.seqs("request")) & set(range(200, 300))


def test_a_large_batch_gets_through_a_slow_link(start_daemon: Start) -> None:
    """It takes 3.5 s, more than twice as long as a sender waits for a word of its collector."""
    collector = start_daemon(name="collector")
    port = free_port()
    link = Link(port, int(collector.address("collection").rpartition(":")[2]))
    link.throttle(1 << 20)
    try:
        agent = start_daemon("--forward", f"127.0.0.1:{port}", logs=False, name="agent")
        wait_for("a connection", lambda: forward(agent)["active"])
        before = link.connections
        large = packed(event("request", 0) | {"body": {"seq": 0, "large": "x" * (7 << 19)}})
        agent.push([parts("request", 0)[0], large])
        wait_forwarded(agent, 1)
        agent.push(parts("request", 1))
        wait_forwarded(agent, 2)
        assert link.connections == before, "the collector was given up"
        wait_once(2, collector)
    finally:
        link.close()


def test_without_a_spool_events_are_forwarded_from_memory(start_daemon: Start, tmp_path: pathlib.Path) -> None:
    collector = start_daemon(name="collector")
    agent = start_daemon("--spool", "none", "--forward", collector.address("collection"), logs=False, name="agent")
    agent.push(*[parts("request", seq) for seq in range(300)])
    wait_forwarded(agent, 300)
    wait_once(300, collector)
    status = agent.status()
    assert status["spool"]["directory"] is None
    assert status["native"]["durable"] is False
    body = json.dumps({"type": "request", "body": {"seq": 300}}).encode()
    code, answer = agent.http("collection", "POST", "/v1/events", body)
    assert (code, json.loads(answer)["durable"]) == (200, False)
    control = agent.address("control")
    assert "in memory" in tool("oxctl", "-H", control, "queue").decode()
    assert "in memory" in tool("oxctl", "-H", control, "status").decode()
    wait_once(301, collector)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_two_lists_are_two_copies(start_daemon: Start, codec: str) -> None:
    one, two = start_daemon(name="one"), start_daemon(name="two")
    lists = ["--forward", one.address("collection"), "--forward", two.address("collection")]
    agent = start_daemon(*lists, "--compress", codec, name="agent")
    agent.push(*[parts("request", seq) for seq in range(300)])
    for daemon in (one, two, agent):
        wait_once(300, daemon)
    wait_forwarded(agent, 300, 0)
    wait_forwarded(agent, 300, 1)
    wait_for("nothing to be queued", lambda: agent.status()["events"]["queued"] == 0)
    control = agent.address("control")
    shown = tool("oxctl", "-H", control, "forward", "show").decode()
    assert "list 1  durable, lag 0s queue 0 (0 B) forwarded 300" in shown
    tool("oxctl", "-H", control, "forward", "add", "--list", "1", one.address("collection"), codes=(1,))
    metrics = agent.http("control", "GET", "/metrics")[1].decode()
    assert 'blueox_forward_events_total{list="1"} 300' in metrics
