"""A network between two ports of this host that can be disturbed: held, slowed down, cut, or left half open."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

CHUNK = 64 << 10
RESET = struct.pack("ii", 1, 0)


class Link:
    """Carries what connects to `port` to `target`, as long as nothing is wrong with it."""

    def __init__(self, port: int, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._open = threading.Event()
        self._open.set()
        self._delay = 0.0
        self._rate = 0.0
        self.connections = 0
        self._closed = False
        self._lock = threading.Lock()
        self._ways: set[_Way] = set()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def hold(self) -> None:
        """A partition: nothing gets through, nobody is told, and what was sent arrives after `heal`, late."""
        self._open.clear()

    def delay(self, seconds: float) -> None:
        """Every piece takes so much longer, in each direction."""
        self._delay = seconds

    def throttle(self, bytes_per_second: float) -> None:
        """No more than this gets through, in each direction of each connection."""
        self._rate = bytes_per_second

    def heal(self) -> None:
        self._delay = self._rate = 0.0
        self._open.set()

    def cut_after(self, size: int, reset: bool) -> None:
        """Each open connection ends when `size` more bytes have gone towards the target, which is within a frame."""
        with self._lock:
            for way in self._ways:
                way.cut_after(size, reset)

    def leave_half_open(self) -> None:
        """Each open connection is gone for the target; the other side is not told, and sends into nothing."""
        with self._lock:
            for way in self._ways:
                way.leave_half_open()

    def close(self) -> None:
        self._closed = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for way in list(self._ways):
                way.end()
        self._acceptor.join(5)

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                _close(near, reset=True)
                continue
            far.settimeout(None)
            self.connections += 1
            with self._lock:
                self._ways.add(_Way(self, near, far))

    def wait_passable(self, size: int = 0) -> None:
        if self._delay:
            time.sleep(self._delay)
        if self._rate:
            time.sleep(size / self._rate)
        self._open.wait()

    def forget(self, way: _Way) -> None:
        with self._lock:
            self._ways.discard(way)


class _Way:
    """One connection through the link: a thread for each direction."""

    def __init__(self, link: Link, near: socket.socket, far: socket.socket) -> None:
        self._link = link
        self._near = near
        self._far = far
        self._left: int | None = None
        self._reset = True
        self._half_open = False
        self._ended = 0
        for side in (near, far):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def cut_after(self, size: int, reset: bool) -> None:
        self._reset = reset
        self._left = size

    def leave_half_open(self) -> None:
        self._half_open = True
        _close(self._far, reset=True)

    def end(self) -> None:
        for side in (self._near, self._far):
            _close(side, self._reset)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._link.wait_passable(len(data))
                if not self._half_open:
                    self._pass_on(data, sink)
            self._link.wait_passable()
            if not self._half_open:
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            self._link.wait_passable()
            if not self._half_open:
                self.end()
        self._end_direction(source)

    def _pass_on(self, data: bytes, sink: socket.socket) -> None:
        if sink is self._near or self._left is None:
            sink.sendall(data)
            return
        passed = data[: self._left]
        self._left -= len(passed)
        sink.sendall(passed)
        if self._left == 0:
            raise ConnectionAbortedError("cut")

    def _end_direction(self, source: socket.socket) -> None:
        """The last direction to end closes both; half open, the near side alone knows when that is."""
        self._ended += 1
        if self._ended == 2 or (self._half_open and source is self._near):
            self.end()
            self._link.forget(self)


def _close(side: socket.socket, reset: bool) -> None:
    """Also wakes a thread that reads here."""
    with contextlib.suppress(OSError):
        if reset:
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        side.shutdown(socket.SHUT_RDWR)
    side.close()
