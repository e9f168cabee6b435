"""structlog: its log lines as events, and the current context's id in its log lines.

::

    structlog.configure(processors=[
        blueox.contrib.structlog.add_id,         # before what renders
        blueox.contrib.structlog.EventRecorder(),
        structlog.processors.JSONRenderer(),
    ])
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

import blueox

__all__ = ["EventRecorder", "add_id"]

EventDict = MutableMapping[str, Any]

# What structlog keeps in the dictionary for itself.
_INTERNAL = frozenset(("_record", "_from_structlog", "_logger", "_name"))


def add_id(logger: object, method_name: str, event_dict: EventDict) -> EventDict:
    """A processor that puts the current context's id under `blueox_id`."""
    context = blueox.current_context()
    if context is not None and context.id is not None:
        event_dict.setdefault("blueox_id", context.id)
    return event_dict


class EventRecorder:
    """A processor that records each line as an event, `<the current context>.log` unless `type_name` says otherwise, and
    passes it on. The body has `level`, `msg` and the line's own keys; `exception` when there is one.
    """

    def __init__(self, type_name: str | None = None) -> None:
        self.type_name = type_name

    def __call__(self, logger: object, method_name: str, event_dict: EventDict) -> EventDict:
        """Records one line."""
        event = blueox.Context(self.type_name or ".log")
        try:
            event.set("level", str(event_dict.get("level", method_name)).upper())
            event.set("msg", event_dict.get("event"))
            for key, value in list(event_dict.items()):
                if key in ("event", "level", "exc_info", "blueox_id") or key in _INTERNAL:
                    continue
                event.set(str(key), value)
            _fail(event, event_dict.get("exc_info"))
        finally:
            event.done()
        return event_dict


def _fail(event: blueox.Context, exc_info: object) -> None:
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event.record_exception(error)
