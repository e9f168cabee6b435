"""Events as the original's clients put them on the wire."""

from __future__ import annotations

import struct
import time
from typing import Any

import msgpack

HEADER = struct.Struct("!Bd64p64p")
HOST = "web-1"


def header(type_name: bytes | str, end: float, host: bytes | str = HOST, version: int = 3) -> bytes:
    """Part 1 of an event, 137 bytes; longer names are cut at 63 bytes."""
    type_name = type_name.encode() if isinstance(type_name, str) else type_name
    host = host.encode() if isinstance(host, str) else host
    return HEADER.pack(version, end, host, type_name)


def event(type_name: bytes | str, seq: int, **body: Any) -> dict[str, Any]:
    now = time.time()
    return {
        "id": f"{seq:032x}",
        "type": type_name,
        "host": HOST,
        "pid": 4121,
        "start": now - 0.25,
        "end": now,
        "body": {"seq": seq, **body},
    }


def packed(fields: dict[str, Any]) -> bytes:
    """Part 2 of an event, as the original encodes it: every string in the old `str` family."""
    data: bytes = msgpack.packb(fields, use_bin_type=False)
    return data


def parts(type_name: bytes | str, seq: int, **body: Any) -> list[bytes]:
    fields = event(type_name, seq, **body)
    return [header(type_name, fields["end"]), packed(fields)]
