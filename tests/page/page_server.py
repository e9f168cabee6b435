"""`oxview web` and `oxview demo`: started, asked, stopped."""

from __future__ import annotations

import pathlib
import signal
import subprocess

from daemon import environment, program
from waiting import PATIENCE, wait_for


class PageServer:
    def __init__(self, base: pathlib.Path, command: str, *args: str) -> None:
        self.log = base / f"{command}.err"
        with self.log.open("w") as errors:
            self.process = subprocess.Popen(
                [program("oxview"), command, "--listen", "127.0.0.1:0", *args],
                cwd=base,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), f"{self.url!r}: {self.log.read_text()}"

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        wait_for("oxview to end", lambda: self.process.poll() is not None)

    def kill(self) -> None:
        """Whatever happened: the demo ends its daemons when it is asked to, and not when it is killed."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(PATIENCE)
