"""The loop: things are killed, paused and cut off as a seed has it, started again, and in the end judged."""

from __future__ import annotations

import heapq
import itertools
import random
import time
from typing import Callable

from cluster import Cluster
from disturbance import Chaos, Disturbance, Kind
from member import LEAVING_SECONDS, Member

LOOK_SECONDS = 0.05


class KillLoop:
    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self._cluster = cluster
        self._members = cluster.members()
        self._daemons = {daemon.name: daemon for daemon in cluster.daemons}
        applications = [application.name for application in cluster.applications]
        self._chaos = iter(Chaos(rng, list(self._daemons), applications, list(cluster.links)))
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._leaving: dict[Member, float] = {}
        self.kills = 0
        self.history: list[str] = []
        self._began = time.monotonic()

    def run(self, kills: int) -> None:
        """Until so many processes were killed."""
        while self.kills < kills:
            disturbance = next(self._chaos)
            self._pass(disturbance.after)
            self._do(disturbance)

    def _pass(self, seconds: float) -> None:
        """Lets time go by, in which what is due happens and nobody may leave by himself."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            while self._later and self._later[0][0] <= now:
                heapq.heappop(self._later)[2]()
            self._start_those_who_left()
            self._cluster.check()
            if now >= end:
                return
            time.sleep(min(LOOK_SECONDS, end - now))

    def _at(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), action))

    def _do(self, disturbance: Disturbance) -> None:
        kind, targets, lasts = disturbance.kind, disturbance.targets, disturbance.lasts
        self.history.append(f"{time.monotonic() - self._began:8.3f} {kind.value} {' '.join(targets)} {lasts:.2f}")
        if kind is Kind.KILL:
            for name in targets:
                self._kill(name, lasts)
        elif kind is Kind.RESTART:
            self._restart(targets[0])
        elif kind is Kind.PAUSE:
            self._pause(targets[0], lasts)
        elif kind is Kind.SWITCH:
            self._cluster.switch(targets[0])
        else:
            for name in targets:
                self._disturb_link(kind, name, disturbance)

    def _kill(self, name: str, lasts: float) -> None:
        member = self._members[name]
        if not member.running:
            return
        member.kill()
        self.kills += 1
        self._at(lasts, lambda: None if member.running else member.start())

    def _restart(self, name: str) -> None:
        member = self._daemons[name]
        if member.running and not member.paused and not member.leaving:
            # before it is ready it leaves at once, without a word
            member.wait_ready()
            member.tell_to_leave()
            self._leaving[member] = time.monotonic()

    def _start_those_who_left(self) -> None:
        for member, since in list(self._leaving.items()):
            if member.has_left() or not member.leaving:
                del self._leaving[member]
                if not member.running:
                    member.start()
            elif not member.paused:
                waited = time.monotonic() - since
                assert waited < LEAVING_SECONDS, f"{member.name} does not leave:\n{member.last_words()}"

    def _pause(self, name: str, lasts: float) -> None:
        member = self._members[name]
        if member.running:
            member.pause()
            self._at(lasts, member.resume)

    def _disturb_link(self, kind: Kind, name: str, disturbance: Disturbance) -> None:
        link = self._cluster.links[name]
        if kind is Kind.HOLD:
            link.hold()
            self._at(disturbance.lasts, link.heal)
        elif kind is Kind.DELAY:
            link.delay(disturbance.lasts / 20)
            self._at(disturbance.lasts, link.heal)
        elif kind is Kind.CUT:
            link.cut_after(disturbance.size, reset=disturbance.size % 2 == 0)
        else:
            link.leave_half_open()
