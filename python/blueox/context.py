"""Contexts, for functions of every kind. The class itself is in the extension module."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar, cast

from ._core import (
    Context,
    Entry,
    add,
    append,
    clear_contexts,
    current_context,
    find_context,
    set,
    swap,
    top_context,
    traceparent,
)

__all__ = [
    "Context",
    "Event",
    "add",
    "append",
    "clear_contexts",
    "context_wrap",
    "current_context",
    "find_context",
    "set",
    "top_context",
    "traceparent",
]

F = TypeVar("F", bound=Callable[..., Any])


class Event:
    """A finished context, as a recorder function gets it."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def to_dict(self) -> dict[str, Any]:
        """All of it: `id`, `type`, `host`, `pid`, `start`, `end`, `body` and what else the event has."""
        return self._fields

    @property
    def name(self) -> str:
        """The full name, which is the event's type."""
        return cast(str, self._fields["type"])

    @property
    def id(self) -> Any:
        """The id, shared by a context and those below it: a text or a number."""
        return self._fields["id"]

    @property
    def start_time(self) -> float:
        """Seconds since the epoch."""
        return cast(float, self._fields["start"])

    @property
    def end_time(self) -> float:
        """Seconds since the epoch."""
        return cast(float, self._fields["end"])

    @property
    def data(self) -> dict[str, Any]:
        """What was recorded: the event's body."""
        return cast(dict[str, Any], self._fields["body"])

    def __repr__(self) -> str:
        return f"<blueox.Event {self.name!r} {self.id}>"


def context_wrap(type_name: str, id: object = None, sample: tuple[str, float] | None = None) -> Callable[[F], F]:
    """Lets each call of a function run in a context of its own: functions, coroutines, generators and asynchronous generators.

    A generator is in its context only while it runs; what it enters itself stays its own.
    """

    def decorate(function: F) -> F:
        def make() -> Context:
            return Context(type_name, id=id, sample=sample)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def in_coroutine(*args: Any, **kwargs: Any) -> Any:
                with make():
                    return await function(*args, **kwargs)

            return cast(F, in_coroutine)
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            def in_async_generator(*args: Any, **kwargs: Any) -> Any:
                return _async_steps(make, function(*args, **kwargs))

            return cast(F, in_async_generator)
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def in_generator(*args: Any, **kwargs: Any) -> Any:
                return _steps(make, function(*args, **kwargs))

            return cast(F, in_generator)

        @functools.wraps(function)
        def in_function(*args: Any, **kwargs: Any) -> Any:
            with make():
                return function(*args, **kwargs)

        return cast(F, in_function)

    return decorate


class _Stack:
    """A generator's contexts: put in place while it takes a step, and taken away again."""

    def __init__(self, context: Context) -> None:
        before = swap(None)
        swap(before)
        context.start()
        self.own = swap(before)
        self.outer: Context | Entry | None = None

    def __enter__(self) -> None:
        self.outer = swap(self.own)

    def __exit__(self, *_: object) -> None:
        self.own = swap(self.outer)
        self.outer = None


def _end(context: Context, stack: _Stack, error: BaseException | None) -> None:
    with stack:
        context.__exit__(type(error) if error is not None else None, error, None)


def _steps(make: Callable[[], Context], generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    context = make()
    stack = _Stack(context)
    step: Callable[[], Any] = functools.partial(next, generator)
    try:
        while True:
            try:
                with stack:
                    item = step()
            except StopIteration as end:
                _end(context, stack, None)
                return end.value
            try:
                sent = yield item
                step = functools.partial(generator.send, sent)
            except GeneratorExit:
                with stack:
                    generator.close()
                raise
            except BaseException as thrown:
                step = functools.partial(generator.throw, thrown)
    except BaseException as error:
        _end(context, stack, error)
        raise


async def _async_steps(make: Callable[[], Context], generator: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, Any]:
    context = make()
    stack = _Stack(context)
    step: Callable[[], Any] = generator.__anext__
    try:
        while True:
            try:
                with stack:
                    item = await step()
            except StopAsyncIteration:
                _end(context, stack, None)
                return
            try:
                sent = yield item
                step = functools.partial(generator.asend, sent)
            except GeneratorExit:
                with stack:
                    await generator.aclose()
                raise
            except BaseException as thrown:
                step = functools.partial(generator.athrow, thrown)
    except BaseException as error:
        _end(context, stack, error)
        raise
