"""BlueOx's native protocol as FORMAT.md draws it, from the sender's side: byte for byte, with no code of the daemon's.

Nothing here repairs a mistake: a test says which frames go out, and gets every frame that comes back.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import time
from collections.abc import Iterator
from typing import Union

import google_crc32c

from waiting import PATIENCE

PREFACE = b"\x00BlueOx\x01"
FRAME = struct.Struct("<BBHII")
HELLO, WELCOME, DATA, LOST, ACK, NACK, PING, PONG, BYE, BUSY, REFUSED, GOAWAY = range(1, 13)
NAMES = ["", "HELLO", "WELCOME", "DATA", "LOST", "ACK", "NACK", "PING", "PONG", "BYE", "BUSY", "REFUSED", "GOAWAY"]
APPLICATION, DAEMON = 1, 2
NONE, ZSTD, LZ4 = 0, 1, 2
MAX_PAYLOAD = 4 << 20

Address = Union[tuple[str, int], str]


class Closed(Exception):
    """The daemon has closed the connection."""


@dataclasses.dataclass(frozen=True)
class Frame:
    kind: int
    head: bytes

    def __str__(self) -> str:
        return f"{NAMES[self.kind] if self.kind < len(NAMES) else self.kind} {self.head.hex()}"

    def numbers(self) -> tuple[int, ...]:
        """The fields of ACK (high water, credit), NACK, PONG, BYE (one number each) and BUSY (milliseconds)."""
        if self.kind == BUSY:
            return struct.unpack_from("<I", self.head)
        return struct.unpack_from("<QQ" if self.kind == ACK else "<Q", self.head)

    def reason(self) -> tuple[int, str]:
        """Of REFUSED and GOAWAY."""
        reason, length = struct.unpack_from("<BB", self.head)
        return reason, self.head[2 : 2 + length].decode()


@dataclasses.dataclass(frozen=True)
class Welcome:
    minor: int
    durable: bool
    node: bytes
    high_water: int
    credit: int


@dataclasses.dataclass(frozen=True)
class Origin:
    stream: bytes
    first: int
    last: int
    count: int


def crc(data: bytes) -> int:
    value: int = google_crc32c.value(data)
    return value


def frame(kind: int, head: bytes, payload: bytes = b"", flags: int = 0) -> bytes:
    start = struct.pack("<BBHI", kind, flags, len(head), len(payload))
    return start + struct.pack("<I", crc(start + head)) + head + payload


def hello(
    stream: bytes,
    session: int,
    next_seq: int = 1,
    ack_floor: int = 0,
    role: int = APPLICATION,
    host: str = "peer",
    pid: int = 4121,
    minor: int = 0,
    token: bytes = b"",
) -> bytes:
    name = host.encode()
    head = struct.pack("<HBBI16s", minor, role, len(name), pid, stream)
    head += struct.pack("<QQQH", session, next_seq, ack_floor, len(token))
    return frame(HELLO, head + name + token)


def data(
    seq: int,
    count: int,
    payload: bytes,
    raw_len: int | None = None,
    codec: int = NONE,
    origin: Origin | None = None,
    payload_crc: int | None = None,
) -> bytes:
    raw_len = len(payload) if raw_len is None else raw_len
    payload_crc = crc(payload) if payload_crc is None else payload_crc
    head = struct.pack("<QIIIB3x", seq, count, raw_len, payload_crc, codec)
    if origin is not None:
        head += struct.pack("<16sQQI", origin.stream, origin.first, origin.last, origin.count)
    return frame(DATA, head, payload, flags=0 if origin is None else 1)


def lost(first: int, last: int, count: int = 0, reason: int = 1) -> bytes:
    return frame(LOST, struct.pack("<QQQB7x", first, last, count, reason))


def ping(nonce: int, produced: int = 0, dropped: tuple[tuple[int, int], ...] = ()) -> bytes:
    head = struct.pack("<QQB", nonce, produced, len(dropped))
    return frame(PING, head + b"".join(struct.pack("<BQ", *pair) for pair in dropped))


def bye(last_seq: int) -> bytes:
    return frame(BYE, struct.pack("<Q", last_seq))


class Connection:
    """One connection to a collection port, or to a Unix socket."""

    def __init__(self, address: Address, seconds: float = PATIENCE) -> None:
        self.seconds = seconds
        self.unread = b""
        self.greeted = False
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(seconds)

    def send(self, *pieces: bytes) -> None:
        self.socket.sendall(b"".join(pieces))

    def _more(self) -> None:
        try:
            piece = self.socket.recv(65536)
        except ConnectionError as error:
            raise Closed from error
        if not piece:
            raise Closed
        self.unread += piece

    def read(self) -> Frame:
        """The next frame, its checksum proven."""
        while not self.greeted:
            if len(self.unread) >= len(PREFACE):
                assert self.unread.startswith(PREFACE), self.unread[:8]
                self.unread = self.unread[len(PREFACE) :]
                self.greeted = True
            else:
                self._more()
        while len(self.unread) < FRAME.size:
            self._more()
        kind, _flags, head_len, payload_len, found = FRAME.unpack_from(self.unread)
        assert payload_len == 0, "a receiver's frames have no payload"
        end = FRAME.size + head_len
        while len(self.unread) < end:
            self._more()
        head = self.unread[FRAME.size : end]
        assert crc(self.unread[:8] + head) == found, "the daemon sent a damaged frame"
        self.unread = self.unread[end:]
        return Frame(kind, head)

    def expect(self, *kinds: int) -> Frame:
        """The next frame that is no PONG, of one of these kinds; repeated acks are passed over unless asked for."""
        while True:
            got = self.read()
            if got.kind in kinds:
                return got
            assert got.kind in (PONG, ACK), f"expected {[NAMES[kind] for kind in kinds]}, got {got}: {got.head!r}"

    def handshake(self, stream: bytes, session: int, next_seq: int = 1, ack_floor: int = 0, role: int = 1) -> Welcome:
        self.send(PREFACE, hello(stream, session, next_seq, ack_floor, role))
        return self.welcome()

    def welcome(self) -> Welcome:
        minor, durable, node, high_water, credit = struct.unpack_from("<HB5x16sQQ", self.expect(WELCOME).head)
        return Welcome(minor, durable == 1, node, high_water, credit)

    def acked(self, seq: int) -> None:
        """Waits for the ack of this number; pings, so that the daemon does not take us for gone."""
        deadline = time.monotonic() + self.seconds
        while self.expect(ACK).numbers()[0] < seq:
            assert time.monotonic() < deadline, f"no ack of {seq}"

    def credit(self, least: int) -> int:
        """Waits until so much is granted."""
        while True:
            _, credit = self.expect(ACK).numbers()
            if credit >= least:
                return credit

    def ended(self) -> list[Frame]:
        """All frames until the daemon closes."""
        frames: list[Frame] = []
        with contextlib.suppress(Closed):
            while True:
                frames.append(self.read())
        return frames

    def close(self) -> None:
        self.socket.close()

    def cut(self) -> None:
        """Closes without a goodbye: what is unread comes back to the daemon as a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@contextlib.contextmanager
def connected(address: Address, seconds: float = PATIENCE) -> Iterator[Connection]:
    connection = Connection(address, seconds)
    try:
        yield connection
    finally:
        connection.close()
