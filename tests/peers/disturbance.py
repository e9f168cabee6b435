"""What happens to the processes and to the network, in an order that follows from a seed alone."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator
from typing import NamedTuple


class Kind(enum.Enum):
    KILL = "kill"
    PAUSE = "pause"
    RESTART = "restart"
    HOLD = "hold"
    DELAY = "delay"
    CUT = "cut"
    HALF_OPEN = "half open"
    SWITCH = "switch"


WEIGHTS = {
    Kind.KILL: 14,
    Kind.RESTART: 1,
    Kind.PAUSE: 2,
    Kind.HOLD: 2,
    Kind.DELAY: 1,
    Kind.CUT: 3,
    Kind.HALF_OPEN: 2,
    Kind.SWITCH: 2,
}


class Disturbance(NamedTuple):
    after: float
    """Seconds after the one before."""
    kind: Kind
    targets: tuple[str, ...]
    lasts: float
    """Seconds until what was killed is started again, what was paused goes on, what was held is let through."""
    size: int
    """Bytes that still pass before a cut."""


class Chaos:
    """Endless, and the same for the same seed."""

    def __init__(self, rng: random.Random, daemons: list[str], applications: list[str], links: list[str]) -> None:
        self._rng = rng
        self._daemons = daemons
        self._applications = applications
        self._links = links

    def __iter__(self) -> Iterator[Disturbance]:
        while True:
            kind = self._kind()
            after = self._rng.choice((0.0, 0.05, 0.2, 0.4, 0.8)) * self._rng.random() * 2
            yield Disturbance(after, kind, self._targets(kind), self._lasts(kind), self._size())

    def _kind(self) -> Kind:
        return self._rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    def _targets(self, kind: Kind) -> tuple[str, ...]:
        rng = self._rng
        if kind in (Kind.HOLD, Kind.DELAY, Kind.CUT, Kind.HALF_OPEN):
            return tuple(rng.sample(self._links, rng.choice((1, 1, len(self._links)))))
        if kind is Kind.PAUSE:
            return (rng.choice(self._daemons),)
        if kind is Kind.SWITCH:
            return (rng.choice(self._daemons[1:]),)
        if kind is Kind.RESTART:
            return (rng.choice(self._daemons),)
        if rng.random() < 0.25:
            return tuple(rng.sample(self._daemons + self._applications, 2))
        return (rng.choice(self._daemons if rng.random() < 0.8 else self._applications),)

    def _lasts(self, kind: Kind) -> float:
        rng = self._rng
        if kind is Kind.KILL:
            # mostly back so soon that the next kill may meet it while it recovers; now and then away for long
            return rng.choice((0.0, 0.0, 0.05, 0.3)) if rng.random() < 0.9 else 1.0 + 3.0 * rng.random()
        return 0.2 + 2.5 * rng.random()

    def _size(self) -> int:
        return self._rng.choice((1, 11, 12, 40, 300, 5_000, 200_000))
