"""Log records of the standard library as events."""

from __future__ import annotations

import logging
import threading

import blueox

__all__ = ["LogHandler"]

# What every record has; anything else came in by `extra=`.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Busy(threading.local):
    """Whether this thread is recording a record, and how many others it has logged meanwhile."""

    is_recording = False
    suppressed = 0


class LogHandler(logging.Handler):
    """Records each log record as an event of its own, `<the current context>.log` unless `type_name` says otherwise.

    Its body has `name`, `level` and `msg`; `exception` when there is one, `stack` and `extra` when they were given::

        logging.getLogger().addHandler(blueox.LogHandler())

    In a `dictConfig`: ``{"class": "blueox.LogHandler", "level": "INFO"}``.

    It holds no lock, so it may be used in signal handlers and by values that log while they are formatted. What is logged
    while a record is being recorded by the same thread is not recorded, as that would have no end: the event says how
    many such records there were (`suppressed`). Records of BlueOx's own loggers are left to other handlers.
    """

    def __init__(self, type_name: str | None = None, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self.type_name = type_name
        self._busy = _Busy()

    def createLock(self) -> None:
        """Makes none: recording needs no lock, and one that is held while a value formats itself can deadlock."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Records `record` unless a filter refuses it."""
        passed = self.filter(record)
        if not passed:
            return False
        self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Records `record`; it never raises."""
        if record.name == "blueox" or record.name.startswith("blueox."):
            return
        busy = self._busy
        if busy.is_recording:
            busy.suppressed += 1
            return
        busy.is_recording = True
        try:
            self._record(record)
        except Exception:
            self.handleError(record)
        finally:
            busy.is_recording = False
            busy.suppressed = 0

    def _record(self, record: logging.LogRecord) -> None:
        event = blueox.Context(self.type_name or ".log")
        try:
            event.set("name", record.name)
            event.set("level", record.levelname)
            try:
                event.set("msg", record.getMessage())
            except Exception:  # arguments that do not fit, or cannot be shown
                event.set("msg", record.msg)
                event.set("args", record.args)
            if record.exc_info and record.exc_info[1] is not None:
                event.record_exception(record.exc_info[1])
            elif record.exc_text:
                event.set("exception.traceback", record.exc_text)
            if record.stack_info:
                event.set("stack", record.stack_info)
            extra = {key: value for key, value in vars(record).items() if key not in _OWN_FIELDS}
            if extra:
                event.set("extra", extra)
            if self._busy.suppressed:
                event.set("suppressed", self._busy.suppressed)
        finally:
            event.done()
