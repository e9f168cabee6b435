"""Events with numbers, and a note of how many there were: what the programs of the fork matrix record."""

from __future__ import annotations

import os
import pathlib
import uuid

import blueox

NOTES = pathlib.Path(os.environ["NUMBERED_NOTES"])


def configure() -> None:
    host, _, port = os.environ["NUMBERED_TO"].rpartition(":")
    blueox.configure(host, int(port), exit_patience=60)


def record(count: int) -> None:
    """Records so many events under a name of their own. The note is written first: what it promises must arrive."""
    who = uuid.uuid4().hex
    note = NOTES / f"{who}.part"
    note.write_text(str(count))
    note.rename(NOTES / who)
    for number in range(count):
        with blueox.Context("numbered"):
            blueox.set("who", who)
            blueox.set("number", number)
