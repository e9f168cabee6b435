"""A ZMTP peer by hand, that can also do what libzmq would not."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator

from waiting import PATIENCE

MORE, LONG, COMMAND = 1, 2, 4


def greeting(major: int = 3, minor: int = 0, mechanism: bytes = b"NULL", as_server: int = 0) -> bytes:
    signature = b"\xff" + bytes(8) + b"\x7f"
    return (signature + bytes([major, minor]) + mechanism.ljust(20, b"\0") + bytes([as_server])).ljust(64, b"\0")


def frame_head(size: int, flags: int = 0) -> bytes:
    if size > 255:
        return struct.pack(">BQ", flags | LONG, size)
    return bytes([flags, size])


def frame(body: bytes, flags: int = 0) -> bytes:
    return frame_head(len(body), flags) + body


def message(parts: Iterable[bytes]) -> bytes:
    listed = list(parts)
    return b"".join(frame(part, MORE if part is not listed[-1] else 0) for part in listed)


def ready(socket_type: bytes = b"PUSH") -> bytes:
    fields = b"".join(
        bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
        for name, value in ((b"Socket-Type", socket_type), (b"Identity", b""))
    )
    return frame(b"\x05READY" + fields, COMMAND)


@contextlib.contextmanager
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=PATIENCE) as conn:
        yield conn


@contextlib.contextmanager
def peer(address: tuple[str, int], socket_type: bytes = b"PUSH") -> Iterator[socket.socket]:
    """A connection whose handshake is done."""
    with connection(address) as conn:
        conn.sendall(greeting() + ready(socket_type))
        read_handshake(conn)
        yield conn


def read_exactly(conn: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        assert more, f"closed after {len(data)} of {size} bytes"
        data += more
    return data


def read_frame(conn: socket.socket) -> tuple[int, bytes]:
    flags = read_exactly(conn, 1)[0]
    head = read_exactly(conn, 8 if flags & LONG else 1)
    return flags, read_exactly(conn, int.from_bytes(head, "big"))


def read_handshake(conn: socket.socket) -> None:
    their_greeting = read_exactly(conn, 64)
    assert their_greeting[0] == 0xFF
    assert their_greeting[9] == 0x7F
    assert their_greeting[12:32].rstrip(b"\0") == b"NULL"
    flags, body = read_frame(conn)
    assert flags & COMMAND
    assert body.startswith(b"\x05READY")


def try_send(conn: socket.socket, data: bytes) -> None:
    """Sends what the other side may refuse by closing."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        conn.sendall(data)


def read_to_end(conn: socket.socket, seconds: float = 0.2) -> bytes:
    """What comes until the other side closes or says nothing for `seconds`."""
    conn.settimeout(seconds)
    data = b""
    with contextlib.suppress(socket.timeout, ConnectionResetError):
        while more := conn.recv(65536):
            data += more
    return data
