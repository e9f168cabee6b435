"""SQLAlchemy: an event `.sql` for each statement.

::

    engine = blueox.contrib.sqlalchemy.record(sqlalchemy.create_engine(...))  # an AsyncEngine too
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine

import blueox

__all__ = ["record"]

AnyEngine = TypeVar("AnyEngine")

# Where a statement's context waits on its execution context.
_ATTRIBUTE = "_blueox_context"


def record(engine: AnyEngine, name: str = ".sql", parameters: bool = False) -> AnyEngine:
    """Records each statement of `engine` from now on, and gives the engine back: `query`, `rows` where the driver tells,
    `batch` (executions by one call), and `exception`. `parameters`: what the statement is filled with as well (`args`),
    which may be anybody's secrets.
    """
    target = getattr(engine, "sync_engine", engine)
    if not isinstance(target, Engine):
        raise TypeError(f"blueox.contrib.sqlalchemy.record needs an Engine or AsyncEngine, not {type(engine).__name__}")
    if getattr(target, "_blueox_is_recorded", False):
        return engine
    target._blueox_is_recorded = True  # type: ignore[attr-defined]

    def before(_: Any, __: Any, statement: str, args: Any, context: Any, is_many: bool) -> None:
        opened = blueox.Context(name)
        opened.set("query", statement)
        if is_many:
            opened.set("batch", len(args))
        if parameters:
            opened.set("args", args)
        setattr(context, _ATTRIBUTE, opened)

    def after(_: Any, cursor: Any, __: str, ___: Any, context: Any, ____: bool) -> None:
        opened = _taken(context)
        if opened is not None:
            rows = getattr(cursor, "rowcount", -1)
            if isinstance(rows, int) and rows >= 0:
                opened.set("rows", rows)
            opened.done()

    def failed(failure: Any) -> None:
        opened = _taken(failure.execution_context)
        if opened is not None:
            opened.record_exception(failure.original_exception)
            opened.done()

    event.listen(target, "before_cursor_execute", before)
    event.listen(target, "after_cursor_execute", after)
    event.listen(target, "handle_error", failed)
    return engine


def _taken(context: Any) -> blueox.Context | None:
    opened: blueox.Context | None = getattr(context, _ATTRIBUTE, None)
    if opened is not None:
        delattr(context, _ATTRIBUTE)
    return opened
