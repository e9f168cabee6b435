"""What an application has sent and what was acknowledged to it, in a file that outlives a SIGKILL of it.

A line is `s LAST` before the events up to LAST are sent for the first time, and `a FIRST LAST` when those were
acknowledged.
"""

from __future__ import annotations

import os
import pathlib


class Journal:
    """The writing side, in the application's process: every line is one write."""

    def __init__(self, directory: pathlib.Path, app: str, run: int) -> None:
        self._file = os.open(
            directory / f"{app}-{run}.journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o644
        )

    def sending(self, last: int) -> None:
        os.write(self._file, b"s %d\n" % last)

    def acked(self, first: int, last: int) -> None:
        os.write(self._file, b"a %d %d\n" % (first, last))


class Record:
    """The reading side: what one process of an application had to say."""

    def __init__(self, path: pathlib.Path) -> None:
        app, run = path.stem.rsplit("-", 1)
        self.app = app
        self.run = int(run)
        self.sent = 0
        self.acked: set[int] = set()
        data = path.read_bytes()
        # a line that was cut off was not said
        for line in data[: data.rfind(b"\n") + 1].splitlines():
            words = line.split()
            if words[0] == b"s":
                self.sent = int(words[1])
            else:
                self.acked.update(range(int(words[1]), int(words[2]) + 1))


def records(directory: pathlib.Path) -> list[Record]:
    return [Record(path) for path in sorted(directory.glob("*.journal"))]
