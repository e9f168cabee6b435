"""Events that can be checked to the last byte: everything in them follows from who made them and their number."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

# most events are small; a few are larger than what a connection has of its own, or than a pipe takes at once
SIZES = (0, 40, 120, 200, 250, 300, 300, 350, 400, 500, 700, 1_000, 1_500, 3_000, 9_000, 70_000)


class Number(NamedTuple):
    """One event: the `n`-th (from 1) that the `run`-th process of an application made."""

    app: str
    run: int
    n: int


def numbered(number: Number) -> dict[str, Any]:
    app, run, n = number
    digest = hashlib.sha256(f"{app}/{run}/{n}".encode()).hexdigest()
    size = SIZES[int(digest[0], 16)] if digest[0] != "f" or digest[1] == "f" else 300
    return {
        "id": digest[:32],
        "type": f"{app}.{'abc'[int(digest[2], 16) % 3]}",
        "host": app,
        "pid": run,
        "start": float(n),
        "end": n + 0.5,
        "body": {"app": app, "run": run, "n": n, "pad": (digest * (size // 64 + 1))[:size]},
    }


def number_of(event: dict[str, Any]) -> Number:
    """Which event it is; fails unless it is exactly what was made under that number."""
    body = event.get("body")
    assert isinstance(body, dict), f"not an event of ours: {str(event)[:300]}"
    number = Number(body.get("app", ""), body.get("run", 0), body.get("n", 0))
    made = numbered(number)
    assert event == made, f"{number} was changed: {str(event)[:300]} instead of {str(made)[:300]}"
    return number
