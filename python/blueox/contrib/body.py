"""A response's body on its way out: counted, inside of its context, and its end is the event's end."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import blueox

__all__ = ["AsyncBody", "Body"]


class _Counted:
    def __init__(self, context: blueox.Context, chunks: Any, size_key: str = "response_size") -> None:
        self._context = context
        self._chunks = chunks
        self._size_key = size_key
        self.size = 0

    def close(self) -> Any:
        """Closes what is behind it, and ends the event, wherever the body had got."""
        self._context.start()
        try:
            close: Callable[[], Any] | None = getattr(self._chunks, "close", None)
            return close() if close is not None else None
        except BaseException as error:
            self._context.record_exception(error)
            raise
        finally:
            self._end()

    def __del__(self) -> None:
        """Some callers neither read to the end nor close."""
        self._end()

    def _count(self, chunk: Any) -> None:
        if isinstance(chunk, (bytes, str, bytearray, memoryview)):
            self.size += len(chunk)

    def _end(self) -> None:
        """Records the event; the first call counts."""
        self._context.set(self._size_key, self.size)
        self._context.done()


class Body(_Counted):
    """An iterable of bytes."""

    def __init__(self, context: blueox.Context, chunks: Iterable[Any], size_key: str = "response_size") -> None:
        super().__init__(context, chunks, size_key)
        self._iterator = iter(chunks)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._context.start()
        try:
            chunk = next(self._iterator)
        except StopIteration:
            self._end()  # that was the last byte; some callers never close
            raise
        except BaseException as error:
            self._context.record_exception(error)
            raise
        finally:
            self._context.stop()
        self._count(chunk)
        return chunk


class AsyncBody(_Counted):
    """An asynchronous iterable of bytes."""

    def __init__(self, context: blueox.Context, chunks: AsyncIterable[Any], size_key: str = "response_size") -> None:
        super().__init__(context, chunks, size_key)
        self._iterator = chunks.__aiter__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        self._context.start()
        try:
            chunk = await self._iterator.__anext__()
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            self._context.record_exception(error)
            raise
        finally:
            self._context.stop()
        self._count(chunk)
        return chunk

    def close(self) -> Any:
        """As for an iterable of bytes. An asynchronous generator is left to its event loop, which ends it."""
        if inspect.isasyncgen(self._chunks):
            self._end()
            return None
        return super().close()
