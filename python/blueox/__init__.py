"""One structured event per unit of work: a request, a query, a job.

    import blueox

    blueox.configure("127.0.0.1", 3514)          # or blueox.default_configure(), by BLUEOX_HOST

    with blueox.Context("request"):
        blueox.set("path", "/cart")
        with blueox.timeit("request_time"):
            with blueox.Context(".sql"):          # request.sql, with the request's id
                blueox.set("query", "SELECT 1")
        blueox.set("response.status", 200)

Values never raise into the application, and recording never waits for the daemon.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from . import errors, ports, utils
from ._core import (
    Context,
    add,
    append,
    clear_contexts,
    current_context,
    find_context,
    is_configured,
    set,
    top_context,
    traceparent,
)
from .context import Event, context_wrap
from .errors import Error
from .executor import Executor, wrap
from .logger import LogHandler
from .network import Stats, configure, default_configure, flush, shutdown, stats
from .timer import timeit

if TYPE_CHECKING:
    from . import client as client
    from . import contrib as contrib
    from . import store as store
    from . import testing as testing
    from . import tornado_utils as tornado_utils
else:
    # Imported by who uses them: some need a framework.
    _LATER = frozenset(("client", "contrib", "store", "testing", "tornado_utils"))

    def __getattr__(name: str) -> ModuleType:
        if name in _LATER:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Context",
    "Error",
    "Event",
    "Executor",
    "LogHandler",
    "Stats",
    "add",
    "append",
    "clear_contexts",
    "configure",
    "context_wrap",
    "current_context",
    "default_configure",
    "errors",
    "find_context",
    "flush",
    "is_configured",
    "ports",
    "set",
    "shutdown",
    "stats",
    "timeit",
    "top_context",
    "traceparent",
    "utils",
    "wrap",
]
