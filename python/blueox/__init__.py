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

# The last, as they need what stands above. There is no `__getattr__` in this module on purpose: where a module has one, CPython looks up each of its
# names the slow way, which would cost a context with five values a tenth more.
from . import client, contrib, store, testing, tornado_utils  # isort: skip  # noqa: F401

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
