"""Day files: which there are, and their bytes.

::

    import blueox.client, blueox.store

    start, end = map(blueox.store.parse_date_range_argument, ("20120313", "20120314"))
    for file in blueox.store.find_log_files_in_path("/var/log/blueox", "request", start, end):
        for event in blueox.client.decode_stream(file.open("/var/log/blueox")):
            ...

What is archived in an object store is read by `oxstore`; questions over many files are answered by `oxview -l`.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from . import errors

__all__ = [
    "InvalidDateError",
    "LocalLogFile",
    "find_log_files_in_path",
    "list_log_files",
    "parse_date_range_argument",
]

DATE_FORMATS = ("%Y%m%d", "%Y%m%d %H:%M", "%Y%m%d %H", "%Y-%m-%d", "%Y-%m-%d %H:%M")
CHUNK_BYTES = 256 << 10

# The most hours that one file covers when files are rotated within the day.
LONGEST_WINDOW = datetime.timedelta(hours=12)


def _open_plain(path: str) -> BinaryIO:
    return open(path, "rb")


def _open_gzip(path: str) -> BinaryIO:
    import gzip

    return cast("BinaryIO", gzip.open(path))


def _open_bzip(path: str) -> BinaryIO:
    import bz2

    return cast("BinaryIO", bz2.open(path))


_OPEN = {"": _open_plain, ".gz": _open_gzip, ".bz2": _open_bzip}

_NAME = re.compile(r"(?P<type>.+)-(?P<date>\d{8}|\d{10})(?:-(?P<host>.+))?\.log(?P<compression>\.bz2|\.gz)?")


class InvalidDateError(errors.Error, ValueError):
    """Text that is no date; the message names the forms."""


def parse_date_range_argument(value: str) -> datetime.datetime:
    """`20120313`, `20120313 12:00`, and the same with dashes; UTC, as the files' names."""
    for form in DATE_FORMATS:
        try:
            return datetime.datetime.strptime(value, form)
        except ValueError:
            continue
    raise InvalidDateError(f"{value!r} is no date; such are 20120313 and '20120313 12:00'")


@dataclasses.dataclass(frozen=True)
class LocalLogFile:
    """One file of a log path: a type's events of a day, or of the hours that begin with `dt`."""

    type_name: str
    date: datetime.date
    dt: datetime.datetime | None = None
    host: str | None = None
    compression: str = ""

    @classmethod
    def from_filename(cls, filename: str) -> LocalLogFile:
        """Takes a name apart: `<type>-YYYYMMDD[HH][-<host>].log[.bz2|.gz]`. Raises ValueError for another one."""
        name = os.path.basename(filename)
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is no name of a day file")
        digits = found["date"]
        dt = datetime.datetime.strptime(digits, "%Y%m%d%H") if len(digits) == 10 else None
        date = dt.date() if dt else datetime.datetime.strptime(digits, "%Y%m%d").date()
        return cls(found["type"], date, dt, found["host"], found["compression"] or "")

    @property
    def bzip(self) -> bool:
        """Whether it is compressed by bzip2."""
        return self.compression == ".bz2"

    @property
    def sort_dt(self) -> datetime.datetime:
        """When it begins."""
        return self.dt or datetime.datetime.combine(self.date, datetime.time())

    @property
    def file_name(self) -> str:
        """Its name."""
        date = self.dt.strftime("%Y%m%d%H") if self.dt else self.date.strftime("%Y%m%d")
        host = f"-{self.host}" if self.host else ""
        return f"{self.type_name}-{date}{host}.log{self.compression}"

    @property
    def file_path(self) -> str:
        """Its path below the log path."""
        return f"{self.date:%Y%m%d}/{self.file_name}"

    def get_local_file_path(self, log_path: str | os.PathLike[str]) -> str:
        """Its whole path."""
        return os.path.join(log_path, self.file_path)

    def open(self, log_path: str | os.PathLike[str]) -> Iterator[bytes]:
        """Its bytes, decompressed, for `blueox.client.decode_stream`."""
        path = self.get_local_file_path(log_path)
        with _OPEN[self.compression](path) as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk


def list_log_files(log_path: str | os.PathLike[str]) -> list[LocalLogFile]:
    """All day files of a log path, the oldest first."""
    files = []
    for path in pathlib.Path(log_path).glob("[0-9]*/*.log*"):
        try:
            file = LocalLogFile.from_filename(path.name)
        except ValueError:
            continue
        if path.parent.name == f"{file.date:%Y%m%d}":
            files.append(file)
    return sorted(files, key=lambda file: (file.sort_dt, file.file_name))


def find_log_files_in_path(
    log_path: str | os.PathLike[str], type_name: str, start_dt: datetime.datetime, end_dt: datetime.datetime
) -> list[LocalLogFile]:
    """The files that may hold events of a type from `start_dt` to `end_dt`. Their first and last may hold others as well."""

    def may_hold(file: LocalLogFile) -> bool:
        if file.dt is None:
            return start_dt.date() <= file.date <= end_dt.date()
        return start_dt - LONGEST_WINDOW < file.dt <= end_dt

    return [file for file in list_log_files(log_path) if file.type_name == type_name and may_hold(file)]
