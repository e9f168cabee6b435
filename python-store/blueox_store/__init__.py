"""Events and statistics from BlueOx's logs: day files, archives and sealed files, each event once.

    >>> import blueox_store
    >>> events = blueox_store.read(LOGS, type="request", where="response.status >= 500")
    >>> [event["body"]["path"] for event in events]
    ['/cart', '/cart']
    >>> list(blueox_store.stats(LOGS, by="path", stats="count,err"))
    [{'path': '/', 'count': 6, 'err': 0}, {'path': '/cart', 'count': 4, 'err': 0.5}]

Numbers are those of `oxview --by`, by the same code. Nothing is read before it is asked for, and Ctrl-C ends it.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _store, when
from .tables import StoreWarning, Tabular, warn

if TYPE_CHECKING:
    from .when import Duration, When

__all__ = ["Events", "Source", "Stats", "StoreWarning", "read", "stats"]

Source: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

# As `oxview --slack`: a file's day is that of arrival.
_SLACK_SECONDS = 86_400.0


def read(
    source: Source,
    *,
    type: str | Sequence[str] | None = None,
    since: When | None = None,
    until: When | None = None,
    where: str | None = None,
    id: str | None = None,
    fields: str | Sequence[str] | None = None,
) -> Events:
    """Gives the events of log paths, directories of sealed files, and files.

    `source` is a path, a pattern (`"/srv/*/logs"`) or several of both; what several log paths have in common is given once.
    `type` may have `*` in it. `since` and `until` are as `oxview` reads them (`"20120313 12:00"`, `"-2h"`, `"today"`, a bare end date
    includes that day), seconds since the epoch, or a `datetime`, which is in UTC when it has no zone. `where` is a filter,
    `id` an id, or at least six characters of its beginning or end. With `fields` only these are read, and events are flat:

        >>> first = next(iter(read(LOGS, type="request", fields=["path", "duration", "response.status"])))
        >>> first
        {'path': '/', 'duration': 0.25, 'response.status': 200}

    A filter that is wrong is shown:

        >>> read(LOGS, where="duration > 250msec")
        Traceback (most recent call last):
        ...
        ValueError: the filter is wrong
        duration > 250msec
                   ^^^^^^^
        `msec` is no unit; times: ns us ms s m h d, sizes: B KB MB GB TB KiB MiB GiB TiB
        did you mean `250ms`?

    Raises ValueError for what makes no sense, and OSError (FileNotFoundError, ...) for what cannot be read.
    """
    sources, _ = _sources(source, type=type, since=since, until=until, where=where, id=id)
    return Events(_store.Events(sources, None if fields is None else _names(fields)), sources)


class Events(Tabular):
    """Events that are asked for. Each iteration reads them anew, day by day in the order of their ends, in bounded memory.

    As columns (`to_arrow`, `to_pandas`, `to_polars`, or any consumer of Arrow's C stream interface) a field of the body is named by
    its dotted path. A column has one type: of whole numbers and others together it is a float, of anything else together
    text, with JSON for what was none. For that all events are looked at before the first is given.

        >>> events = read(LOGS, type="request")
        >>> events.to_pandas().groupby("path").size().to_dict()
        {'/': 6, '/cart': 4}
        >>> events.to_polars().select("time", "host", "response.status").shape
        (10, 3)
    """

    def __init__(self, events: _store.Events, sources: _store.Sources) -> None:
        """Use `read`."""
        self._events = events
        self._sources = sources

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Gives dicts: `type`, `id`, `host`, `pid`, `start`, `end`, `body`, as they were recorded; or the fields asked for."""
        warn(self._sources.remarks)
        rows = self._events.rows()
        yield from rows
        warn(rows.take_remarks())

    def __repr__(self) -> str:
        return f"<blueox_store.Events of {len(self._sources)} files>"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's C stream interface: batches of bounded size, read as they are taken, and handed over without a copy."""
        warn(self._sources.remarks)
        return self._events.__arrow_c_stream__(requested_schema)

    def _arrow(self) -> _store.Arrow:
        arrow, remarks = self._events.collect()
        warn([*self._sources.remarks, *remarks])
        return arrow


def stats(
    source: Source,
    *,
    by: str | Sequence[str] = (),
    stats: str | Sequence[str] = "count,err,p50,p95,p99",
    every: Duration | None = None,
    top: int | None = None,
    type: str | Sequence[str] | None = None,
    since: When | None = None,
    until: When | None = None,
    where: str | None = None,
    id: str | None = None,
) -> Stats:
    """Counts events, as `oxview --by --stats --every --top` does.

    `by` names fields, `stats` what is counted: `count`, `rate`, `err` (share of errors), `sum(x)`, `avg(x)`, `min(x)`, `max(x)`, `p50`, `p99`,
    `p999` (of the duration, or `p99(x)`), `distinct(x)`. `every` is a step of time (`"1m"`, seconds, a `timedelta`), `top` how many groups; the
    others are one then, with `other_groups`. The rest is as in `read`.

        >>> answer = stats(LOGS, type="request", by=["path"], stats="count,max(duration)", every="1h")
        >>> answer[0]
        {'time': datetime.datetime(2012, 3, 13, 12, 0, tzinfo=datetime.timezone.utc), 'path': '/', 'count': 6, 'max(duration)': 0.25}
        >>> int(answer.to_pandas()["count"].sum())
        10

    Raises ValueError for what makes no sense, MemoryError for steps of time that take too much, and OSError.
    """
    now = time.time()
    sources, (first, last) = _sources(source, type=type, since=since, until=until, where=where, id=id, now=now)
    seconds = None if first is None else min(now if last is None else last, now) - first
    step = None if every is None else when.duration(every, "every")
    measures = stats if isinstance(stats, str) else ",".join(stats)
    rates = seconds if seconds is not None and seconds > 0 else None
    answer = _store.stats(sources, _names(by), measures, step, top, rates)
    warn([*sources.remarks, *answer.remarks])
    return Stats(answer)


class Stats(Sequence[dict[str, Any]], Tabular):
    """An answer: a dict a group, or a group and step of time, the greatest first."""

    def __init__(self, answer: _store.Answer) -> None:
        """Use `stats`."""
        self._answer = answer
        self._rows = answer.rows()

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._answer.columns

    @property
    def events(self) -> int:
        """How many events were counted, those that sampling left out not included."""
        return self._answer.events

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<blueox_store.Stats of {self.events} events in {len(self)} rows>"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's C stream interface."""
        return self._arrow().__arrow_c_stream__(requested_schema)

    def _arrow(self) -> _store.Arrow:
        return self._answer.arrow()


def _sources(
    source: Source,
    *,
    type: str | Sequence[str] | None,
    since: When | None,
    until: When | None,
    where: str | None,
    id: str | None,
    now: float | None = None,
) -> tuple[_store.Sources, tuple[float | None, float | None]]:
    now = time.time() if now is None else now
    first = when.since(since, now)
    last, inclusive = when.until(until, now)
    types = [] if type is None else [type] if isinstance(type, str) else list(type)
    selection = _store.Selection(types, first, last, inclusive, id, where)
    return _store.Sources(_paths(source), selection, _SLACK_SECONDS), (first, last)


def _paths(source: Source) -> list[str]:
    """The paths of a source. What is there is meant as it is; else it is a pattern."""
    given = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    paths: list[str] = []
    for path in [os.fspath(path) for path in given]:
        is_pattern = glob.has_magic(path) and not os.path.lexists(path)
        found = sorted(glob.glob(path, recursive=True)) if is_pattern else [path]
        if not found:
            raise FileNotFoundError(f"nothing matches {path!r}")
        paths += found
    if not paths:
        raise ValueError("no path is given")
    return paths


def _names(names: str | Sequence[str]) -> list[str]:
    """Fields, in a list or joined by commas."""
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
