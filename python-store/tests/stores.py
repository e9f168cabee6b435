"""Made-up logs: fields that change their types, several types, several days."""

from __future__ import annotations

import pathlib
import random
from typing import Any

import msgpack

MIDNIGHT = 1_331_596_800
DAYS = 3
PER_DAY = 700


def event(day: int, number: int, chance: random.Random) -> dict[str, Any]:
    end = MIDNIGHT + 86_400 * day + number * 100 + chance.random()
    body: dict[str, Any] = {
        "path": chance.choice(["/", "/", "/cart", "/search"]),
        "response": {"status": 503 if chance.random() < 0.1 else 200, "size": chance.randrange(1 << 40)},
        # a number here, text there, a map elsewhere
        "user": [number, f"user-{number}", {"id": number, "tags": ["a", number]}][day],
        "score": number if number % 2 else number / 2,
        "ok": number % 3 == 0,
    }
    if number % 50 == 0:
        body |= {"bytes": b"\xff\xfe", "huge": 2**64 - 1, "nothing": None, "none": {}}
    found = {
        **{"type": "request", "id": f"{day:016x}{number:016x}", "host": f"web-{number % 4}", "pid": 4121},
        **{"start": end - chance.lognormvariate(-3, 1), "end": end, "body": body},
    }
    return found | ({"sample_rate": 0.25} if number % 10 == 0 else {})


def days(seed: int = 23) -> list[list[dict[str, Any]]]:
    chance = random.Random(seed)
    return [[event(day, number, chance) for number in range(PER_DAY)] for day in range(DAYS)]


def write(logs: pathlib.Path, type_name: str, day: int, events: list[dict[str, Any]]) -> pathlib.Path:
    folder = logs / f"201203{13 + day}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{type_name}-201203{13 + day}.log"
    path.write_bytes(b"".join(msgpack.packb(event) for event in events))
    return path


def store(logs: pathlib.Path) -> list[dict[str, Any]]:
    """Writes them; gives those of the type `request`, in order."""
    everything = days()
    for day, events in enumerate(everything):
        write(logs, "request", day, events)
        write(logs, "request.sql", day, [{**event, "type": "request.sql", "body": None} for event in events[:50]])
    return [event for events in everything for event in events]
