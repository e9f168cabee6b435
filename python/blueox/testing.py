"""What would have been sent: for tests of applications.

from blueox.testing import capture

with capture() as events:
handle(request)
assert events.one("request").body["response"]["status"] == 200
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from . import utils
from ._core import Capture as _Capture

__all__ = ["Capture", "CapturedEvent", "capture"]


class CapturedEvent(dict[str, Any]):
    """One event: a dict with `type`, `id`, `span`, `host`, `pid`, `start`, `end`, `body`; perhaps `parent`, `outcome`, `sample_rate`."""

    @property
    def type(self) -> str:
        return str(self["type"])

    @property
    def id(self) -> Any:
        return self["id"]

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self["body"]
        return body

    def value(self, key: str, default: Any = None) -> Any:
        """The body's value under a dotted key."""
        return utils.get_deep(self.body, key, default)


class Capture:
    """The events of the whole process, whichever thread or task they end in. Nothing of them is sent."""

    def __init__(self) -> None:
        self._capture = _Capture()

    def __enter__(self) -> Capture:
        self._capture.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._capture.end()

    @property
    def all(self) -> list[CapturedEvent]:
        """All events so far, in the order in which they ended."""
        return [CapturedEvent(event) for event in self._capture.events()]

    def of(self, type_name: str) -> list[CapturedEvent]:
        """Those of one type."""
        return [event for event in self.all if event.type == type_name]

    def one(self, type_name: str | None = None) -> CapturedEvent:
        """The one event, of one type or at all. Fails when there are none or more."""
        events = self.all if type_name is None else self.of(type_name)
        assert len(events) == 1, f"{len(events)} events of {type_name or 'any type'}; there are {self.types}"
        return events[0]

    @property
    def types(self) -> list[str]:
        """The types of all events so far, in the order in which they ended."""
        return [event.type for event in self.all]

    def clear(self) -> None:
        """Forgets what was captured."""
        self._capture.clear()

    def __iter__(self) -> Iterator[CapturedEvent]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)


def capture() -> Capture:
    """Captures the events of a block, in the place of whatever was configured; afterwards that is in force again, with a new account."""
    return Capture()
