"""Whether what is stored is what was acknowledged: each event once, none lost, none changed, none invented."""

from __future__ import annotations

import io
import pathlib
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgpack

from daemon import environment, program, tool
from journal import Record
from logfiles import text
from numbered import Number, number_of

SHOWN = 12


class Verdict(NamedTuple):
    sent: int
    acked: int
    stored: int

    def __str__(self) -> str:
        return f"{self.sent:,} events sent, {self.acked:,} acked, {self.stored:,} stored, each once"


def stored(log_paths: Iterable[pathlib.Path]) -> Iterator[dict[str, Any]]:
    """All events in the merged view of these log paths, as `oxview` shows it."""
    # a collector that never got anything has nothing to show
    written = [path for path in log_paths if any(path.glob("[0-9]*/*.log"))]
    if not written:
        return
    command = [program("oxview"), "-o", "msgpack"]
    for path in written:
        command += ["-l", str(path)]
    done = subprocess.run(command, capture_output=True, env=environment(), stdin=subprocess.DEVNULL, timeout=300)
    assert done.returncode == 0, f"oxview exited {done.returncode}: {done.stderr.decode(errors='replace')[:3000]}"
    for event in msgpack.Unpacker(io.BytesIO(done.stdout), raw=True, strict_map_key=False, max_buffer_size=0):
        yield text(event)


def assert_whole(directories: Iterable[pathlib.Path]) -> None:
    """Spools and log paths are without damage, as `oxctl fsck` sees them."""
    tool("oxctl", "fsck", *directories)


def judge(records: Iterable[Record], log_paths: Sequence[pathlib.Path]) -> Verdict:
    """Fails with all that is wrong, in the merged view of these log paths and in each of them alone."""
    problems: list[str] = []
    for path in log_paths:
        problems += _doubled(f"in {path}", Counter(map(number_of, stored([path]))))
    times = Counter(map(number_of, stored(log_paths)))
    problems += _doubled("in the merged view", times)
    sent = acked = 0
    known: set[tuple[str, int]] = set()
    for record in records:
        known.add((record.app, record.run))
        sent += record.sent
        acked += len(record.acked)
        lost = [n for n in sorted(record.acked) if times[Number(record.app, record.run, n)] == 0]
        problems += _listed(f"acked to {record.app} run {record.run} and lost", lost)
        beyond = [number.n for number in times if number[:2] == (record.app, record.run) and number.n > record.sent]
        problems += _listed(f"never sent by {record.app} run {record.run}", beyond)
    problems += _listed("stored of an unknown process", [number for number in times if number[:2] not in known])
    assert not problems, "\n".join(problems)
    return Verdict(sent, acked, sum(times.values()))


def _doubled(where: str, times: Counter[Number]) -> list[str]:
    return _listed(f"more than once {where}", sorted(number for number, count in times.items() if count > 1))


def _listed(what: str, items: list[Any]) -> list[str]:
    if not items:
        return []
    ranges = _ranges(items) if isinstance(items[0], int) else [str(tuple(item)) for item in items]
    shown = ", ".join(ranges[:SHOWN]) + (" ..." if len(ranges) > SHOWN else "")
    return [f"{len(items)} events {what}: {shown}"]


def _ranges(numbers: list[int]) -> list[str]:
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [str(first) if first == last else f"{first}..{last}" for first, last in spans]
