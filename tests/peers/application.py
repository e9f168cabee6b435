"""What all applications of the kill loop have in common: their arguments, their pace, and how they are told to end."""

from __future__ import annotations

import argparse
import pathlib
import random
import signal
import time
from types import FrameType

from journal import Journal
from numbered import Number


class Application:
    """One process of an application. SIGTERM asks it to finish: to wait for its acks, say goodbye and exit 0."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--app", required=True)
        parser.add_argument("--run", type=int, required=True)
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--directory", type=pathlib.Path, required=True)
        parser.add_argument("--rate", type=float, default=300.0, help="events per second")
        parser.add_argument("--count", type=int, default=0, help="finish after so many events; 0: when told")
        options = parser.parse_args()
        self.app: str = options.app
        self.run: int = options.run
        self.address: tuple[str, int] = ("127.0.0.1", options.port)
        self.directory: pathlib.Path = options.directory
        self.rng = random.Random(f"{options.app}/{options.run}")
        self.made = 0
        self._rate: float = options.rate
        self._count: int = options.count
        self._told = False
        self._began = time.monotonic()
        signal.signal(signal.SIGTERM, self._tell)
        self.journal = Journal(options.directory, options.app, options.run)

    def _tell(self, _signal: int, _frame: FrameType | None) -> None:
        self._told = True

    @property
    def finishing(self) -> bool:
        return self._told or (self._count > 0 and self.made >= self._count)

    def due(self) -> bool:
        """Whether its pace allows another event now."""
        return self.made < (time.monotonic() - self._began) * self._rate

    def make(self, count: int) -> list[Number]:
        """The next events, `count` of them at most; they are in the journal as sent from here on."""
        if self._count:
            count = min(count, self._count - self.made)
        first = self.made + 1
        self.made += count
        self.journal.sending(self.made)
        return [Number(self.app, self.run, n) for n in range(first, self.made + 1)]
