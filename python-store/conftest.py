"""Logs for the tests, and for the examples in docstrings."""

from __future__ import annotations

import pathlib
from typing import Any

import msgpack
import pytest

NOON = 1_331_640_000.0


def pack(folder: pathlib.Path, name: str, events: list[dict[str, Any]]) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(msgpack.packb(event) for event in events))
    return path


@pytest.fixture(autouse=True)
def logs_of_the_examples(doctest_namespace: dict[str, Any], tmp_path: pathlib.Path) -> None:
    """Ten requests, as the docstrings have them."""
    bodies = [("/", 200)] * 6 + [("/cart", 200)] * 2 + [("/cart", 503)] * 2
    events = [
        {
            **{"type": "request", "id": f"{number:032x}", "host": "web-1", "pid": 7},
            **{"start": NOON + number, "end": NOON + number + 0.25},
            "body": {"path": path, "response": {"status": status}},
        }
        for number, (path, status) in enumerate(bodies)
    ]
    pack(tmp_path / "example" / "20120313", "request-20120313.log", events)
    doctest_namespace["LOGS"] = tmp_path / "example"
