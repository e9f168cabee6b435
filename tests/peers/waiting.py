"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")

# How long a test waits for what has to come: what fails a machine with other load is no test of the program.
PATIENCE = 60.0


def wait_for(what: str, probe: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Asks `probe` again and again until its answer is true; fails by naming `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; the last answer was {answer!r}")
        time.sleep(0.01)
