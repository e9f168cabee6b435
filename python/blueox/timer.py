"""How long something takes, as a value of the context around it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar, cast

from ._core import Context, current_context

F = TypeVar("F", bound=Callable[..., Any])


class Timer:
    """Puts the seconds between entering and leaving it under `key` in `context`; a decorator too."""

    __slots__ = ("context", "key", "started")

    def __init__(self, context: Context | None, key: str) -> None:
        """Without a context, the one that is current when the timer is entered."""
        self.context = context
        self.key = key
        self.started = 0.0

    def __enter__(self) -> Timer:
        if self.context is None:
            self.context = current_context()
        self.started = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.context is not None:
            self.context.set(self.key, perf_counter() - self.started)

    def __call__(self, function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed_coroutine(*args: Any, **kwargs: Any) -> Any:
                with Timer(self.context, self.key):
                    return await function(*args, **kwargs)

            return cast(F, timed_coroutine)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with Timer(self.context, self.key):
                return function(*args, **kwargs)

        return cast(F, timed)


def timeit(key: str) -> Timer:
    """Measures a block, or a function, in the current context. Outside of any it measures nothing."""
    return Timer(None, key)
