"""Contexts that go along to other threads."""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def wrap(function: Callable[P, T]) -> Callable[P, T]:
    """The function, in whatever thread it is called: with the contexts (all context variables) that are current now.

    It may be called any number of times, at once too.
    """
    context = contextvars.copy_context()

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    return wrapped


class Executor(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` whose work has the contexts that were current where it was submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As `ThreadPoolExecutor.submit`; `fn` runs in the contexts that are current now."""
        return super().submit(wrap(fn), *args, **kwargs)
