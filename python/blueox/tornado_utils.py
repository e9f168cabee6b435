"""Tornado: an event for each request, and for each one that the application makes itself.

::

    class Cart(blueox.tornado_utils.SampleRequestHandler):
        async def get(self) -> None:
            blueox.set("cart", 7)

Tornado 6 carries the current context through coroutines and callbacks by itself. Only code that the loop runs for somebody else
(a thread's callback, a queue's consumer) has to enter the request's context: ``self.blueox.start()``, and ``self.blueox.stop()`` after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._tornado import (
        AsyncHTTPClient,
        BlueOxRequestHandlerMixin,
        SampleRequestHandler,
        coroutine,
        install,
        wrap_exception,
        wrap_execute,
        wrap_finish,
    )

__all__ = [
    "AsyncHTTPClient",
    "BlueOxRequestHandlerMixin",
    "SampleRequestHandler",
    "coroutine",
    "install",
    "wrap_exception",
    "wrap_execute",
    "wrap_finish",
]


def __getattr__(name: str) -> Any:
    """Imports Tornado at the first use of it, so that `import blueox` does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _tornado

    found = getattr(_tornado, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
