"""How an exception that leaves a context stands in its event."""

from __future__ import annotations

import sys
from typing import Any

# The innermost frames of a traceback that are kept.
FRAMES = 64


def _is_cancellation(error: BaseException) -> bool:
    if isinstance(error, GeneratorExit):
        return True
    for module, name in (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit")):
        loaded = sys.modules.get(module)
        kind = getattr(loaded, name, None) if loaded is not None else None
        if isinstance(kind, type) and isinstance(error, kind):
            return True
    return False


def describe(error: BaseException) -> dict[str, Any] | bool | None:
    """Type, message and traceback, without locals. `False`: the work was cancelled; `None`: nothing went wrong."""
    if _is_cancellation(error):
        return False
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return None
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    described: dict[str, Any] = {"type": name}
    try:
        described["message"] = str(error)
    except Exception:
        described["message"] = f"[unprintable {name}]"
    try:
        import traceback

        formatted = traceback.TracebackException(kind, error, error.__traceback__, limit=-FRAMES, compact=True)
        described["traceback"] = "".join(formatted.format())
    except Exception as failed:
        described["traceback"] = f"[{type(failed).__name__} while it was formatted]"
    return described
