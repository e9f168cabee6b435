"""A program on a terminal of its own: what it draws, and keys for it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator

import pyte

from daemon import environment, program
from waiting import wait_for

COLUMNS, LINES = 130, 30
LEAVES_SCREEN = b"\x1b[?1049l"


class Terminal:
    """130 columns, 30 lines, as a terminal would show them."""

    def __init__(self, name: str, *args: object) -> None:
        self._screen, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [program(name), *map(str, args)],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**environment(), "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(other)
        self.has_left = False
        self._shown = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._shown)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # the other side ends with the program
        with contextlib.suppress(OSError):
            while piece := os.read(self._screen, 65536):
                self.has_left |= LEAVES_SCREEN in piece
                self._stream.feed(piece)

    def shown(self) -> str:
        return "\n".join(self._shown.display)

    def wait_shown(self, text: str, seconds: float = 60.0) -> None:
        try:
            wait_for(f"{text!r} on the screen", lambda: text in self.shown(), seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; the screen:\n{self.shown()}") from None

    def wait_exit(self) -> int:
        """Its exit code, when it has given the terminal back."""
        code = self.process.wait(60)
        self._reader.join(60)
        assert self.has_left, "the terminal was not given back"
        return code

    def press(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._screen)


@contextlib.contextmanager
def terminal(name: str, *args: object) -> Iterator[Terminal]:
    opened = Terminal(name, *args)
    try:
        yield opened
    finally:
        opened.close()
