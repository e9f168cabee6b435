"""Our oxview reads what the original and its encoders wrote: fixtures/original."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from daemon import TOP, tool

ORIGINAL = TOP / "fixtures" / "original"
FILES = sorted(path for path in ORIGINAL.rglob("*.log"))


def in_order(text: str) -> list[Any]:
    """The events with the order of the keys at their top level."""
    events = [json.loads(line) for line in text.split("\n") if line]
    return [list(event.items()) for event in events]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ORIGINAL))[:60])
@pytest.mark.parametrize("way", ["argument", "pipe"])
def test_reads_as_expected(file: pathlib.Path, way: str) -> None:
    output = tool("oxview", file) if way == "argument" else tool("oxview", stdin=file.read_bytes())
    expected = file.with_name(file.name + ".expect.jsonl").read_text()
    assert in_order(output.decode()) == in_order(expected)


def test_the_log_path_is_read_by_type() -> None:
    log_path = ORIGINAL / "oxd-0.11.3"
    expected = next(log_path.glob("*/request-*.expect.jsonl")).read_text()
    output = tool("oxview", "-l", log_path, "-n", "request", "--since", "20000101")
    assert in_order(output.decode()) == in_order(expected)
    prefixed = tool("oxview", "-l", log_path, "-n", "request*", "--since", "20000101")
    assert len(in_order(prefixed.decode())) == 24
