"""A process that is killed and started again on what it left: same directory, same ports, same arguments."""

from __future__ import annotations

import http.client
import json
import pathlib
import re
import signal
import subprocess
from typing import Any

from daemon import environment
from waiting import PATIENCE, wait_for

ALARMING = re.compile(r"panicked|BUG:|Traceback")
LEAVING_SECONDS = 2 * PATIENCE
# what a daemon says that was told to leave while its spool was full, of events that it had not acknowledged
NO_ROOM = "events that were received could not be kept"


class Member:
    def __init__(self, name: str, directory: pathlib.Path, command: list[str]) -> None:
        self.name = name
        self.directory = directory
        self.command = command
        self.starts = 0
        self.paused = False
        self.leaving = False
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = directory / f"{name}.stderr"
        directory.mkdir(parents=True, exist_ok=True)

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        assert self._process is None, f"{self.name} runs already"
        self.starts += 1
        with self._stderr.open("ab") as stderr:
            stderr.write(f"--- start {self.starts}\n".encode())
            self._process = subprocess.Popen(
                self.command, cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL, stderr=stderr
            )

    def kill(self) -> None:
        if self._process is None:
            return
        self.assert_alive()
        self._process.kill()
        self._process.wait()
        self._forget()

    def _forget(self) -> None:
        self._process = None
        self.paused = self.leaving = False

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        if self._process is not None and self.paused:
            self._process.send_signal(signal.SIGCONT)
        self.paused = False

    def tell_to_leave(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self.leaving = True

    def has_left(self) -> bool:
        """Whether it has done as it was told."""
        if self._process is None or not self.leaving or self._process.poll() is None:
            return False
        self.assert_alive()
        self._forget()
        return True

    def stop(self, seconds: float = LEAVING_SECONDS) -> None:
        """By SIGTERM; it has to leave with code 0."""
        if self._process is None:
            return
        if not self.leaving:
            self.tell_to_leave()
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not leave within {seconds:g} s:\n{self.last_words()}") from None
        self._forget()
        assert code == 0, f"{self.name} exited {code}:\n{self.last_words()}"

    def abandon(self) -> None:
        """Ends it at all events, and asks no questions."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def assert_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            if self.leaving and (code == 0 or (code == 1 and NO_ROOM in self.last_words())):
                return
            raise AssertionError(f"{self.name} exited {code} at start {self.starts}:\n{self.last_words()}")

    def assert_calm(self) -> None:
        """Nothing in what it ever said is a defect of its own."""
        text = self._stderr.read_text(errors="replace") if self._stderr.exists() else ""
        found = ALARMING.search(text)
        assert found is None, f"{self.name} said: {text[max(0, found.start() - 500) : found.end() + 1500]}"

    def said(self) -> str:
        return self._stderr.read_text(errors="replace") if self._stderr.exists() else ""

    def last_words(self) -> str:
        return "\n".join(self.said().splitlines()[-25:])


class DaemonMember(Member):
    """An oxd with a control port that can be asked."""

    def __init__(self, name: str, directory: pathlib.Path, command: list[str], collect: int, control: int) -> None:
        ports = ["--collect", f"127.0.0.1:{collect}", "--control", f"127.0.0.1:{control}"]
        super().__init__(name, directory, [*command, *ports])
        self.collect = collect
        self.control = control

    def ask(self, path: str, seconds: float = PATIENCE) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=seconds)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            return json.loads(body) if path.startswith("/v1/") else body
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("/v1/status")
        return answer

    def wait_ready(self, seconds: float = PATIENCE) -> None:
        def ready() -> bool:
            self.assert_alive()
            try:
                return bool(self.ask("/healthz", 2.0) == b"ok\n")
            except (OSError, http.client.HTTPException):
                return False

        try:
            wait_for(f"{self.name} to be ready", ready, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.last_words()}") from None

    def wait_status(self, what: str, settled: Any, seconds: float = PATIENCE) -> None:
        """Waits until `settled(status)`; the daemon may be too busy to answer."""

        def probe() -> bool:
            self.assert_alive()
            try:
                return bool(settled(self.status()))
            except (OSError, http.client.HTTPException):
                return False

        try:
            wait_for(f"{self.name}: {what}", probe, seconds)
        except AssertionError as error:
            status = json.dumps(self.status())[:3000]
            raise AssertionError(f"{error}\n{status}\n{self.last_words()}") from None
