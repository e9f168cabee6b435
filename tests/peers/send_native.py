"""An application that speaks the native protocol: it keeps every batch until it is acked, over many connections.

After a SIGKILL of its own it begins a new stream, as what it had not sent is lost with it.
"""

from __future__ import annotations

import collections
import os
import pathlib
import select
import struct
import time
from typing import NamedTuple

import msgpack

import native_wire as wire
from application import Application
from numbered import numbered

PING_SECONDS = 0.5
SILENCE_SECONDS = 1.5
SMALLEST_COST = 256
MOST_UNACKED = 100
RETRY_SECONDS = 0.05
LOST_SHARE = 0.01
QUEUE_FULL = 1


class Numbered(NamedTuple):
    """A numbered frame and the events in it; the same bytes however often it is sent."""

    seq: int
    first: int
    last: int
    frame: bytes
    cost: int
    is_lost: bool


class SessionFile:
    """The number of the stream's latest connection, durable before it is used."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def rise(self) -> int:
        session = (int(self._path.read_text()) if self._path.exists() else 0) + 1
        aside = self._path.with_suffix(".new")
        with aside.open("w") as file:
            file.write(str(session))
            file.flush()
            os.fsync(file.fileno())
        aside.rename(self._path)
        return session


class Stream:
    """What lasts as long as the process: the numbers, and what is not acked."""

    def __init__(self, application: Application) -> None:
        self.id = os.urandom(16)
        self.session_file = SessionFile(application.directory / f"{application.app}-{application.run}.session")
        self.acked = 0
        self.produced = 0
        self.dropped = 0
        self._application = application
        self._unacked: collections.deque[Numbered] = collections.deque()
        self._last = 0

    @property
    def next_seq(self) -> int:
        return self._last + 1

    @property
    def settled(self) -> bool:
        return not self._unacked

    def fill(self) -> None:
        """Makes batches while the application's pace allows and not too much is unacked."""
        application = self._application
        while len(self._unacked) < MOST_UNACKED and not application.finishing and application.due():
            numbers = application.make(application.rng.choice((1, 1, 2, 10, 40)))
            self._last += 1
            self.produced += len(numbers)
            is_lost = application.rng.random() < LOST_SHARE
            if is_lost:
                frame, cost = wire.lost(self._last, self._last, len(numbers), QUEUE_FULL), SMALLEST_COST
            else:
                payload = b"".join(msgpack.packb(numbered(number)) for number in numbers)
                frame = wire.data(self._last, len(numbers), payload)
                cost = max(SMALLEST_COST, len(payload))
            self._unacked.append(Numbered(self._last, numbers[0].n, numbers[-1].n, frame, cost, is_lost))

    def ack(self, high_water: int) -> None:
        assert high_water <= self._last, f"{high_water} is acked, {self._last} was the last made"
        while self._unacked and self._unacked[0].seq <= high_water:
            batch = self._unacked.popleft()
            self.acked = batch.seq
            if not batch.is_lost:
                self._application.journal.acked(batch.first, batch.last)

    def from_seq(self, seq: int) -> Numbered | None:
        index = seq - (self.acked + 1)
        assert index >= 0, f"{seq} was acked and is forgotten"
        return self._unacked[index] if index < len(self._unacked) else None


class Conversation:
    """One connection of the stream."""

    def __init__(self, stream: Stream, address: tuple[str, int], application: Application) -> None:
        self._stream = stream
        self._application = application
        self._connection = wire.Connection(address, SILENCE_SECONDS)
        self._credit = 0
        self._high_water = 0
        self._next = 0
        self._under_way: collections.deque[Numbered] = collections.deque()
        self._silent_since = self._pinged = time.monotonic()
        self._welcome = False
        self._may_send = True
        self._said_bye = False
        self.retry_seconds = RETRY_SECONDS

    def talk(self) -> bool:
        """Until the connection ends; true when the goodbye was answered and nothing is left to say."""
        stream = self._stream
        hello = wire.hello(
            stream.id, stream.session_file.rise(), stream.next_seq, stream.acked, host=self._application.app
        )
        try:
            self._connection.send(wire.PREFACE, hello)
            while True:
                stream.fill()
                self._send()
                self._keep_alive()
                if self._hear():
                    return True
        except (wire.Closed, OSError):
            return False
        finally:
            self._connection.close()

    def _send(self) -> None:
        if not self._welcome or not self._may_send:
            return
        while batch := self._stream.from_seq(self._next):
            under_way = sum(one.cost for one in self._under_way)
            if self._credit == 0 or (under_way and under_way + batch.cost > self._credit):
                return
            self._connection.send(batch.frame)
            self._under_way.append(batch)
            self._next += 1
        if self._application.finishing and self._stream.settled and not self._said_bye:
            self._connection.send(wire.bye(self._stream.next_seq - 1))
            self._said_bye = True

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._pinged > PING_SECONDS:
            self._connection.send(wire.ping(int(now * 1e6), self._stream.produced))
            self._pinged = now
        if now - self._silent_since > SILENCE_SECONDS:
            raise wire.Closed

    def _hear(self) -> bool:
        ready, _, _ = select.select([self._connection.socket], [], [], 0.01)
        if not ready:
            return False
        self._silent_since = time.monotonic()
        return any([self._take(frame) for frame in self._frames()])

    def _frames(self) -> list[wire.Frame]:
        """What has arrived: the one that `select` saw, and all that came with it."""
        frames = [self._connection.read()]
        while is_whole(self._connection.unread):
            frames.append(self._connection.read())
        return frames

    def _take(self, frame: wire.Frame) -> bool:
        if frame.kind == wire.WELCOME:
            _, durable, _, high_water, credit = struct.unpack_from("<HB5x16sQQ", frame.head)
            assert durable == 1, "the daemon says that its acks do not mean durable"
            self._next = max(high_water, self._stream.acked) + 1
            self._welcome = True
            self._acked(high_water, credit)
        elif frame.kind == wire.ACK:
            self._acked(*frame.numbers())
        elif frame.kind == wire.NACK:
            (self._next,) = frame.numbers()
            self._under_way = collections.deque(one for one in self._under_way if one.seq < self._next)
        elif frame.kind == wire.BYE:
            return self._said_bye
        elif frame.kind == wire.BUSY:
            self.retry_seconds = min(1.0, frame.numbers()[0] / 1e3)
            raise wire.Closed
        elif frame.kind == wire.GOAWAY:
            assert frame.reason()[0] != 3, f"the daemon complains: {frame.reason()}"
            self._may_send = False
        else:
            assert frame.kind == wire.PONG, f"unexpected {frame}: {frame.head!r}"
        return False

    def _acked(self, high_water: int, credit: int) -> None:
        assert high_water >= self._high_water, f"acked falls from {self._high_water} to {high_water}"
        self._high_water, self._credit = high_water, credit
        while self._under_way and self._under_way[0].seq <= high_water:
            self._under_way.popleft()
        self._stream.ack(high_water)


def is_whole(unread: bytes) -> bool:
    """Whether a frame can be taken without waiting."""
    return len(unread) >= wire.FRAME.size and len(unread) >= wire.FRAME.size + wire.FRAME.unpack_from(unread)[2]


def main() -> None:
    application = Application()
    stream = Stream(application)
    while True:
        wait = RETRY_SECONDS
        try:
            conversation = Conversation(stream, application.address, application)
        except OSError:
            pass
        else:
            if conversation.talk():
                return
            wait = conversation.retry_seconds
        time.sleep(wait)


if __name__ == "__main__":
    main()
