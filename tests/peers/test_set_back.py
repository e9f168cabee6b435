"""A daemon whose machine was set back to an older state, its spool with it: nobody is told what is not true."""

from __future__ import annotations

import os
import pathlib
import shutil
import time
from typing import Any, Callable

from daemon import Daemon, tool
from native_wire import connected
from ports import free_port
from test_audit import audit, batch, gaps_of, line_of
from waiting import wait_for

Start = Callable[..., Daemon]


def send(agent: Daemon, stream: bytes, session: int, first: int, last: int) -> None:
    """Batches of an application that has an ack for all before them."""
    with connected(agent.tcp("collection")) as sender:
        sender.handshake(stream, session, next_seq=last + 1, ack_floor=first - 1)
        for seq in range(first, last + 1):
            sender.send(batch(seq))
        sender.acked(last)


def has_forwarded(agent: Daemon) -> bool:
    """All, and its cursor says so durably."""
    status = agent.status()
    return bool(status["events"]["queued"] == 0 and status["forward"][0]["queued"] == 0)


class SetBack:
    """An agent without day files whose spool can be saved and set back."""

    def __init__(self, start: Start, forward: str) -> None:
        self.start, self.forward = start, forward
        self.agent = self.run()
        self.spool = self.agent.base / "spool"
        self.saved = self.agent.base.with_name("saved")

    def run(self) -> Daemon:
        return self.start("--forward", self.forward, logs=False, name="agent")

    def save(self) -> None:
        """Stopped, so that it is a state that was: all that it has forwarded its cursor says too."""
        self.agent.stop()
        shutil.copytree(self.spool, self.saved)
        self.agent = self.run()

    def set_back(self) -> None:
        self.agent.kill()
        shutil.rmtree(self.spool)
        shutil.copytree(self.saved, self.spool)
        self.agent = self.run()


def new_session(spool: pathlib.Path, above: int) -> None:
    """What the daemon says that one is to do when it is refused and there is no other machine."""
    (spool / "forward.session").unlink()
    wait_for("the clock to be past the last session", lambda: time.time() > above + 1)


def test_it_goes_on_in_a_new_stream_and_the_audit_says_so(start_daemon: Start) -> None:
    collector = start_daemon(name="collector")
    machine = SetBack(start_daemon, collector.address("collection"))
    application, later = os.urandom(16), os.urandom(16)
    send(machine.agent, application, 1, 1, 4)
    wait_for("the first four to be forwarded", lambda: has_forwarded(machine.agent))
    machine.save()
    send(machine.agent, application, 2, 5, 8)
    wait_for("the rest to be forwarded", lambda: has_forwarded(machine.agent))
    session = int((machine.spool / "forward.session").read_text().split()[0])
    machine.set_back()

    # it could be a copy of a machine that runs: somebody has to say that it is not
    def destination() -> dict[str, Any]:
        found: dict[str, Any] = machine.agent.status()["forward"][0]["destinations"][0]
        return found

    wait_for("the collector to refuse it", lambda: destination()["state"] == "refused")
    assert "forward.session" in destination()["error"]
    machine.agent.stop()
    new_session(machine.spool, session)
    machine.agent = machine.run()
    # 5 to 8 are acked, as the application knows; the daemon does not
    send(machine.agent, application, 3, 9, 10)
    send(machine.agent, later, 1, 1, 3)
    wait_for("all to be forwarded", lambda: has_forwarded(machine.agent))
    wait_for("all to be stored", lambda: len(collector.logs.seqs("audited")) == 3 * (10 + 3))

    for agents in ((machine.agent,), ()):
        answer = audit(*agents, collector)
        line = line_of(answer, application)
        assert (line["numbers"], line["stored"], line["missing"]) == (10, 10, 0)
        assert line_of(answer, later)["stored"] == 3
        (gap,) = [gap for gap in answer["gaps"] if gap["what"] == "set back"]
        assert (gap["first"], gap["last"], gap["count"], gap["known"]) == (1, 4, 4, True)
        daemons = {line["stream"]: line for line in answer["streams"] if line.get("role") == "daemon"}
        new = daemons[gap["stream"]]
        # a gap for what was acked before, and five batches, and perhaps a report of something that was dropped
        assert new["numbers"] == new["stored"] >= 6
        assert answer["total"]["dropped"] == {}
    hosts = ("-H", machine.agent.address("control"), "-H", collector.address("control"))
    text = tool("oxctl", "audit", *hosts).decode()
    assert " 1..4: never given: it was set back to an older state, and goes on behind them\n" in text, text

    # the stream stays, and with it where it begins
    machine.agent.stop()
    machine.agent = machine.run()
    send(machine.agent, later, 2, 4, 4)
    wait_for("one more to be forwarded", lambda: has_forwarded(machine.agent))
    wait_for("one more to be stored", lambda: len(collector.logs.seqs("audited")) == 3 * (10 + 4))
    answer = audit(machine.agent, collector)
    assert [gap["stream"] for gap in answer["gaps"] if gap["what"] == "set back"] == [gap["stream"]]
    assert line_of(answer, later)["stored"] == 4


def test_what_went_with_the_lost_state_is_missing(start_daemon: Start) -> None:
    port = free_port()
    start = ("--collect", f"127.0.0.1:{port}")
    collector = start_daemon(*start, name="collector")
    machine = SetBack(start_daemon, f"127.0.0.1:{port}")
    application = os.urandom(16)
    send(machine.agent, application, 1, 1, 4)
    wait_for("the first four to be forwarded", lambda: has_forwarded(machine.agent))
    wait_for("the first four to be stored", lambda: len(collector.logs.seqs("audited")) == 12)
    machine.agent.stop()
    collector.stop()
    shutil.copytree(machine.spool, machine.saved)
    machine.agent = machine.run()
    # nobody but this daemon has these, and it has acked them
    send(machine.agent, application, 2, 5, 8)
    machine.set_back()
    send(machine.agent, application, 3, 9, 10)
    collector = start_daemon(*start, name="collector")
    wait_for("all that there is to be forwarded", lambda: has_forwarded(machine.agent))
    wait_for("all that there is to be stored", lambda: len(collector.logs.seqs("audited")) == 18)
    answer = audit(machine.agent, collector, code=65)
    line = line_of(answer, application)
    assert (line["numbers"], line["stored"], line["missing"]) == (10, 6, 4)
    ((first, last, what, reason),) = gaps_of(answer, application)
    assert (first, last, what) == (5, 8, "missing")
    assert reason.endswith("was told that another collector has acked them, and none has them"), reason
