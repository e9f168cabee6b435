"""Applications, an agent and two collectors with a network between them; or one daemon alone."""

from __future__ import annotations

import json
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from daemon import environment, program, tool
from journal import Record, records
from link import Link
from member import LEAVING_SECONDS, DaemonMember, Member
from ports import free_port
from small_disk import SmallDisk
from waiting import PATIENCE, wait_for

HERE = pathlib.Path(__file__).resolve().parent


class ApplicationMember(Member):
    """An application whose every start is a new process with numbers of its own."""

    def __init__(self, name: str, directory: pathlib.Path, script: str, port: int, rate: float, count: int = 0) -> None:
        super().__init__(name, directory, [])
        self._base = [sys.executable, str(HERE / script), "--app", name, "--port", str(port)]
        self._base += ["--directory", str(directory), "--rate", str(rate), "--count", str(count)]

    def start(self) -> None:
        self.command = [*self._base, "--run", str(self.starts + 1)]
        super().start()

    def wait_started(self) -> None:
        """Until it knows what SIGTERM means."""
        journal = self.directory / f"{self.name}-{self.starts}.journal"
        wait_for(f"{self.name} to have started", journal.exists)

    def wait_left(self, seconds: float = PATIENCE) -> None:
        """Until it has left by itself."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self._process = None
        assert code == 0, f"{self.name} exited {code}:\n{self.last_words()}"


class Cluster:
    """Everything lies below `base`; processes keep their ports and directories when they are started again."""

    def __init__(
        self,
        base: pathlib.Path,
        rng: random.Random,
        collectors: Sequence[str] = ("a", "b"),
        spool_max: str = "32MiB",
        small: Mapping[str, SmallDisk] | None = None,
        spool_full: str = "block",
        compress: str = "none",
        copies: bool = False,
        also_to: Sequence[str] = (),
    ) -> None:
        """Without collectors the agent keeps events itself. `copies`: every collector gets all, instead of one of them.

        `small`: disks for directories such as `agent/spool`. `also_to`: addresses that get a copy of their own.
        `spool_full`: what the agent does then; collectors push back.
        """
        self.base = base
        self._rng = rng
        self._spool_max = spool_max
        self._small = small or {}
        self.applications: list[ApplicationMember] = []
        self.collectors: list[DaemonMember] = []
        self.links: dict[str, Link] = {}
        self._link_ports: dict[str, int] = {}
        self._switches: list[subprocess.Popen[bytes]] = []
        for name in collectors:
            collector = self._keeping(name)
            self.collectors.append(collector)
            self._link_ports[name] = free_port(rng)
            self.links[name] = Link(self._link_ports[name], collector.collect)
        if collectors:
            ways = list(map(self.destination, collectors)) if copies else [",".join(map(self.destination, collectors))]
            forward = [arg for way in [*ways, *also_to] for arg in ("--forward", way)]
            self.agent = self._daemon("agent", [], [*forward, "--compress", compress, "--spool-full", spool_full])
        else:
            self.agent = self._keeping("agent")
        self._link_ports["agent"] = free_port(rng)
        self.links["agent"] = Link(self._link_ports["agent"], self.agent.collect)

    def destination(self, collector: str) -> str:
        """A collector's address as the agent knows it."""
        return f"127.0.0.1:{self._link_ports[collector]}"

    def _keeping(self, name: str) -> DaemonMember:
        directory, inside = self._place(f"{name}/logs")
        return self._daemon(name, inside, ["--log-path", directory])

    def _daemon(self, name: str, inside: list[str], args: list[str]) -> DaemonMember:
        spool, also_inside = self._place(f"{name}/spool")
        command = [*inside, *also_inside, program("oxd"), "--spool", spool, "--spool-max", self._spool_max, *args]
        return DaemonMember(name, self.base / name, command, free_port(self._rng), free_port(self._rng))

    def _place(self, directory: str) -> tuple[str, list[str]]:
        """A directory as a daemon has to call it, and what to put before its command."""
        disk = self._small.get(directory)
        return (str(disk.path), disk.inside) if disk else (str(self.base / directory), [])

    @property
    def daemons(self) -> list[DaemonMember]:
        return [self.agent, *self.collectors]

    @property
    def log_paths(self) -> list[pathlib.Path]:
        paths = {f"{daemon.name}/logs" for daemon in self.collectors or [self.agent]}
        return [self._small[path].seen if path in self._small else self.base / path for path in sorted(paths)]

    def members(self) -> dict[str, Member]:
        listed: list[Member] = [*self.daemons, *self.applications]
        return {member.name: member for member in listed}

    def add_application(
        self, name: str, script: str, rate: float, count: int = 0, over_link: bool = False
    ) -> ApplicationMember:
        """An application that speaks to the agent directly, or over the link `agent`."""
        directory = self.base / "applications"
        port = self._link_ports["agent"] if over_link else self.agent.collect
        application = ApplicationMember(name, directory, script, port, rate, count)
        self.applications.append(application)
        return application

    def records(self) -> list[Record]:
        return records(self.base / "applications")

    def start(self) -> None:
        for daemon in reversed(self.daemons):
            daemon.start()
        for daemon in self.daemons:
            daemon.wait_ready()
        for application in self.applications:
            application.start()

    def check(self) -> None:
        for member in self.members().values():
            member.assert_alive()

    def restore(self) -> None:
        """The network is well, and everything runs."""
        for link in self.links.values():
            link.heal()
        for member in self.members().values():
            member.resume()
            if member.leaving:
                wait_for(f"{member.name} to leave", member.has_left, LEAVING_SECONDS)
            if not member.running:
                member.start()
        for daemon in self.daemons:
            daemon.wait_ready()
        for application in self.applications:
            application.wait_started()
        self.end_switches()

    def drain(self) -> None:
        """Applications get their last acks and leave, agent and then collectors empty their spools."""
        for application in self.applications:
            application.tell_to_leave()
        for application in self.applications:
            application.stop()
        for daemon in self.daemons:
            daemon.wait_status("nothing queued", lambda status: status["events"]["queued"] == 0)

    def audit(self) -> dict[str, Any]:
        """What `oxctl audit` says of all that runs and of all log paths; it has to be balanced."""
        hosts = [word for daemon in self.daemons for word in ("-H", f"127.0.0.1:{daemon.control}")]
        paths = [word for path in self.log_paths for word in ("-l", str(path))]
        said: dict[str, Any] = json.loads(tool("oxctl", "audit", "--raw", *hosts, *paths, codes=(0, 65)))
        (self.base / "audit.json").write_text(json.dumps(said, indent=1))
        assert said["balanced"], f"the ledger is not balanced: {json.dumps(said['gaps'])[:3000]}"
        return said

    def stop(self) -> None:
        """After `drain`: all leave with code 0."""
        for daemon in self.daemons:
            daemon.stop()
        for member in self.members().values():
            member.assert_calm()

    def drain_and_stop(self) -> None:
        self.drain()
        for daemon in self.daemons:
            assert_balanced(daemon)
        self.stop()

    def switch(self, collector: str) -> None:
        """Tells the agent to go over to a collector; nobody waits for it, as the agent may stand still."""
        self.forward("switch", self.destination(collector))

    def go_over(self, collector: str) -> None:
        """Switches, and waits until events come there; told again, should a stalled machine have driven it away."""
        daemon = next(daemon for daemon in self.collectors if daemon.name == collector)
        before, told_at = daemon.status()["events"]["accepted"], 0.0

        def grows() -> bool:
            nonlocal told_at
            if time.monotonic() - told_at > 5.0:
                told_at = time.monotonic()
                self.switch(collector)
            return bool(daemon.status()["events"]["accepted"] > before)

        wait_for(f"events to come to {collector}", grows)
        self.end_switches()

    def forward(self, *words: str) -> None:
        """`oxctl forward` at the agent."""
        command = [program("oxctl"), "-H", f"127.0.0.1:{self.agent.control}", "forward"]
        with (self.base / "oxctl.stderr").open("ab") as stderr:
            changing = subprocess.Popen(
                [*command, *words],
                env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
            )  # fmt: skip
        self._switches.append(changing)

    def end_switches(self, codes: Sequence[int] = (0, 1)) -> None:
        """The agent did as it was told, or could not be reached."""
        for changing in self._switches:
            assert changing.wait(PATIENCE) in codes, (self.base / "oxctl.stderr").read_text()[-2000:]
        self._switches.clear()

    def abandon(self) -> None:
        for member in self.members().values():
            member.abandon()
        for changing in self._switches:
            changing.kill()
            changing.wait()
        for link in self.links.values():
            link.close()


def assert_balanced(daemon: DaemonMember) -> None:
    """What the daemon got since it was started is where it belongs, in every copy, and it dropped nothing."""
    status = daemon.status()
    events = status["events"]
    done = [(one["recovered"], one["forwarded"], one["dropped"]) for one in status["forward"]]
    if status["log_path"] is not None:
        done.append((events["recovered"], events["stored"], events["dropped"]))
    for recovered, kept, dropped in done:
        assert (dropped, kept) == ({}, events["accepted"] + recovered), f"{daemon.name}: {status}"
