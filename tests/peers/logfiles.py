"""Reading what a daemon left on disk, without any code of the daemon's."""

from __future__ import annotations

import datetime
import io
import pathlib
from typing import Any

import msgpack


def split(data: bytes) -> list[bytes]:
    """The MsgPack values of a log file, each as the bytes that it has in the file; a torn last one is left out."""
    unpacker = msgpack.Unpacker(io.BytesIO(data), raw=True, strict_map_key=False)
    out: list[bytes] = []
    start = 0
    while True:
        try:
            unpacker.skip()
        except msgpack.OutOfData:
            return out
        out.append(data[start : unpacker.tell()])
        start = unpacker.tell()


def text(value: Any) -> Any:
    """Both string families as text, all the way down; bytes that are not UTF-8 as escapes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (list, tuple)):
        return [text(item) for item in value]
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    return value


def decode(packed: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = text(msgpack.unpackb(packed, raw=True, strict_map_key=False))
    return fields


class LogPath:
    """The directory that is given to a daemon as --log-path."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def files(self, type_name: str) -> list[pathlib.Path]:
        return sorted(self.path.glob(f"[0-9]*/{type_name}-[0-9]*.log"))

    def today(self, type_name: str) -> pathlib.Path:
        day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
        return self.path / day / f"{type_name}-{day}.log"

    def raw(self, type_name: str) -> list[bytes]:
        return [value for file in self.files(type_name) for value in split(file.read_bytes())]

    def events(self, type_name: str) -> list[dict[str, Any]]:
        return [decode(value) for value in self.raw(type_name)]

    def seqs(self, type_name: str) -> list[int]:
        return [event["body"]["seq"] for event in self.events(type_name)]

    def all_raw(self) -> list[bytes]:
        return [value for file in sorted(self.path.glob("[0-9]*/*.log")) for value in split(file.read_bytes())]
