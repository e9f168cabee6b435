"""Reading events: from files and pipes, live from a daemon, in groups.

A report over a day, as a script::

    import sys
    import blueox.client

    for group in blueox.client.Grouper(blueox.client.decode_stream(sys.stdin)):
        request = group[-1]
        print(request["end"] - request["start"], len(group) - 1, "sub-events")
"""

from __future__ import annotations

import collections
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from blueox import ports
from blueox._core import Decoder

if TYPE_CHECKING:
    import http.client  # imported by who asks a daemon

__all__ = [
    "DamagedStream",
    "Event",
    "Grouper",
    "Unreachable",
    "decode_stream",
    "default_host",
    "stdin_stream",
    "subscribe_stream",
]

Event = dict[str, Any]

# Events of one piece are made at once: more of them would no longer fit into a cache.
CHUNK_BYTES = 16 << 10
# A daemon gives a sign of life every 5 s.
SILENCE_SECONDS = 16.0
RETRY_SECONDS = 1.0


class DamagedStream(ValueError):
    """What was read is no MsgPack of events from some place on; the message names the place."""


class Unreachable(ConnectionError):
    """No daemon answers."""


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


Source = _Readable | Iterable[bytes]


def default_host(host: str | None = None) -> str:
    """The control port to ask: `host`, or what BLUEOX_CLIENT_HOST says, or 127.0.0.1:3513."""
    return ports.default_control_host(host)


def decode_stream(stream: Source) -> Iterator[Event]:
    """The events of a log file, of `oxview -o msgpack`, or of any bytes that come in pieces.

    `stream` is a file (opened in binary; of a text file such as `sys.stdin` its buffer is read), or an iterable of bytes.
    Strings that are UTF-8 come as `str`, others as `bytes`.

    Raises DamagedStream, after all events before the damage, for what is no event.
    """
    decoder = Decoder()
    for chunk in _chunks(stream):
        yield from decoder.feed(chunk)
        if decoder.damage is not None:
            break
    damage = decoder.finish()
    if damage is not None:
        raise DamagedStream(damage)


def _chunks(stream: Source) -> Iterator[bytes]:
    source: Any = getattr(stream, "buffer", stream)
    # read1 gives what is there: a pipe's events come when they are written
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(CHUNK_BYTES):
        yield chunk


def stdin_stream() -> Iterator[Event]:
    """The events on standard input."""
    return decode_stream(sys.stdin)


def subscribe_stream(
    control_host: str | None = None, subscribe: str | Iterable[str] | None = None, filter: str | None = None
) -> Iterator[Event]:
    """The events of a daemon from now on, for ever: it connects before it returns, and again when the daemon was away.

    `control_host`: its control port, `host` or `host:port`; none: as `default_host` says. `subscribe`: a type such as
    `request`, a pattern such as `request*`, or several; none: all. `filter`: as oxview's `-q`, evaluated by the daemon.

    Who reads too slowly gets an event of type `blueox.skipped` whose body has the `count` of the events it missed.

    Raises Unreachable when there is no daemon now, ValueError for a filter that makes no sense.
    """
    import urllib.parse

    host = default_host(control_host)
    patterns = [subscribe] if isinstance(subscribe, str) else list(subscribe or ())
    query = [("type", pattern) for pattern in patterns if pattern] + [("format", "msgpack")]
    if filter is not None:
        query.append(("filter", filter))
    path = "/v1/live?" + urllib.parse.urlencode(query)
    return _follow(host, path, _ask(host, path))


def _follow(host: str, path: str, answer: http.client.HTTPResponse) -> Iterator[Event]:
    while True:
        with answer:
            decoder = Decoder()
            while chunk := _next_chunk(answer):
                yield from decoder.feed(chunk)
                if decoder.damage is not None:
                    raise DamagedStream(f"{host} sent no event: {decoder.damage}")
        answer = _ask_until_answered(host, path)


def _next_chunk(answer: http.client.HTTPResponse) -> bytes:
    """Nothing at the end, whatever ended it."""
    import http.client

    try:
        return answer.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException):
        return b""


def _ask_until_answered(host: str, path: str) -> http.client.HTTPResponse:
    while True:
        try:
            return _ask(host, path)
        except Unreachable:
            time.sleep(RETRY_SECONDS)


def _ask(host: str, path: str) -> http.client.HTTPResponse:
    import http.client

    connection = http.client.HTTPConnection(host, timeout=SILENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return answer
        reason = _reason(answer)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        hint = "is it running? try: oxd --log-path ./logs"
        raise Unreachable(f"no oxd at {host} ({error or type(error).__name__}); {hint}") from error
    connection.close()
    if answer.status == http.client.BAD_REQUEST:
        raise ValueError(reason)
    raise Unreachable(f"oxd at {host} answers {answer.status}: {reason}")


def _reason(answer: http.client.HTTPResponse) -> str:
    body = answer.read(CHUNK_BYTES)
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


class Grouper:
    """Puts the events of one id together, and gives them as a list when their parent arrives: the event without a dot in
    its type, which ends last and stands last in the list.

    At most `max_size` ids wait for their parent; beyond that the oldest is given up. `evicted` counts the events given
    up so, `size` the ids that wait.
    """

    def __init__(self, stream: Iterable[Event], max_size: int = 1000) -> None:
        self.stream = stream
        self.max_size = max_size
        self.evicted = 0
        self._waiting: collections.OrderedDict[object, list[Event]] = collections.OrderedDict()

    @property
    def size(self) -> int:
        """How many ids wait for their parent."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[list[Event]]:
        for event in self.stream:
            key = _group_key(event)
            is_parent = "." not in _text(event.get("type"))
            if is_parent:
                yield [*self._waiting.pop(key, ()), event]
            else:
                self._waiting.setdefault(key, []).append(event)
                while len(self._waiting) > self.max_size:
                    self.evicted += len(self._waiting.popitem(last=False)[1])


def _group_key(event: Event) -> object:
    """The id; an event without one belongs to no other."""
    key = event.get("id")
    if key is None:
        return id(event)
    return key if isinstance(key, (str, int, bytes)) else repr(key)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
