"""`blueox.contrib.structlog`."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

import blueox
from blueox.contrib.structlog import EventRecorder, add_id
from blueox.testing import Capture


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def log(lines: list[dict[str, Any]]) -> Any:
    def keep(_: object, __: str, event_dict: dict[str, Any]) -> dict[str, Any]:
        lines.append(dict(event_dict))
        raise structlog.DropEvent

    processors = [structlog.stdlib.add_log_level, add_id, EventRecorder(), keep]
    return structlog.wrap_logger(None, processors=processors, wrapper_class=structlog.make_filtering_bound_logger(0))


def test_a_line_is_an_event(log: Any, lines: list[dict[str, Any]], blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        log.bind(cart=7).warning("paid", amount=12.5, password="secret")
    event = blueox_events.one("request.log")
    expected = {"level": "WARNING", "msg": "paid", "cart": 7, "amount": 12.5, "password": "[scrubbed]"}
    assert event["body"] == expected
    assert event["id"] == request.id
    assert lines[0]["blueox_id"] == request.id
    assert lines[0]["event"] == "paid"


def test_an_exception_is_recorded(log: Any, blueox_events: Capture) -> None:
    try:
        raise KeyError("sku")
    except KeyError as error:
        log.exception("no such item")
        log.error("the same", exc_info=error)
    first, second = (event["body"]["exception"] for event in blueox_events.of("log"))
    assert "sku" in first["message"]
    assert first["type"] == second["type"]


def test_outside_of_a_context_there_is_no_id(log: Any, lines: list[dict[str, Any]], blueox_events: Capture) -> None:
    log.info("started")
    assert "blueox_id" not in lines[0]
    assert blueox_events.one("log")["body"] == {"level": "INFO", "msg": "started"}


def test_a_type_of_its_own(blueox_events: Capture) -> None:
    EventRecorder("audit")(None, "info", {"event": "paid"})
    assert blueox_events.types == ["audit"]
