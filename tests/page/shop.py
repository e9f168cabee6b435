"""Events made up from a seed: a small shop with an incident."""

from __future__ import annotations

import math
import random
import time
from typing import Any

HOSTS = ["web-1", "web-2", "web-3", "web-4"]
PATHS = ["/", "/cart", "/checkout", "/search", "/product"]

Event = dict[str, Any]


class Shop:
    """Fifteen minutes of requests with their children. From the eighth minute on for three, /checkout of version
    2.8.1 on web-3 is slow and fails."""

    def __init__(self, seed: int = 1, seconds: float = 900.0, per_second: float = 8.0, failing: float = 0.8) -> None:
        """`failing`: the share of the slow requests that end in an error."""
        self.failing = failing
        self.until = math.floor(time.time())
        self.since = self.until - seconds
        rng = random.Random(seed)
        self.events: list[Event] = []
        for number in range(int(seconds * per_second)):
            self.request(rng, self.since + number / per_second, f"{seed:08x}{number:08x}")

    def request(self, rng: random.Random, start: float, ident: str) -> None:
        host, path = rng.choice(HOSTS), rng.choice(PATHS)
        version = "2.8.1" if host == "web-3" and start > self.since + 400 else "2.8.0"
        bad = path == "/checkout" and version == "2.8.1" and 480 <= start - self.since < 660
        took = rng.lognormvariate(-3.2, 0.7) + (rng.uniform(1.1, 2.8) if bad else 0)
        status = 500 if bad and rng.random() < self.failing else 200
        body: Event = {"path": path, "version": version, "user": rng.randrange(500), "response": {"status": status}}
        if status == 500:
            body["exception"] = "TimeoutError: inventory did not answer"
        self.add("request", ident, host, start, took, body, f"GET {path} {status}")
        child: Event = {"sql": "SELECT * FROM carts WHERE user = ?", "rows": rng.randrange(20)}
        self.add("request.sql", ident, host, start + took * 0.1, took * 0.7, child, child["sql"])
        self.add(
            "request.cache", ident, host, start + took * 0.82, took * 0.05, {"key": f"cart:{path}", "hit": True}, "hit"
        )

    def add(self, kind: str, ident: str, host: str, start: float, took: float, body: Event, summary: str) -> None:
        whole = {
            "type": kind,
            "id": ident,
            "host": host,
            "pid": 4121,
            "start": start,
            "end": start + took,
            "body": body,
        }
        failed = "exception" in body
        row = {"type": kind, "id": ident, "host": host, "time": start + took, "start": start, "duration": took}
        self.events.append({**row, "error": failed, "summary": summary, "event": whole})
