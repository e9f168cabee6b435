"""Where events go, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core, _exit, ports
from .errors import ConfigError

if TYPE_CHECKING:
    from .context import Event

#: How long the end of the process may be held up by events that are on their way, in seconds, unless `configure` says otherwise.
EXIT_PATIENCE = 2.0


@dataclass(frozen=True)
class Stats:
    """The account: `produced = accepted + dropped + queued`. What was dropped is also counted by reason."""

    produced: int
    accepted: int
    dropped: int
    dropped_queue_full: int
    dropped_too_large: int
    dropped_unacked: int
    dropped_exit: int
    queued: int
    memory: int
    is_connected: bool
    problem: str | None


def configure(
    host: str | None,
    port: int | None = None,
    recorder: Callable[[Event], Any] | None = None,
    *,
    strict: bool = False,
    socket: str | None = None,
    token: str | None = None,
    host_name: str | None = None,
    memory: int | None = None,
    event_bytes: int | None = None,
    text_bytes: int | None = None,
    items: int | None = None,
    scrub: Iterable[str] | bool | None = None,
    keep: Iterable[str] | None = None,
    exit_patience: float = EXIT_PATIENCE,
    exit_hooks: bool = True,
) -> None:
    """Says where events go from now on: to the daemon at `host` and `port`, or to the function `recorder`.

    With neither, every call is a no-op. Whether there is a daemon does not matter here: events wait for it.

    | option | |
    | --- | --- |
    | `strict` | mistakes (a sampling level that is not open, a counter that is no number) raise `ValueError`, as in the original |
    | `socket`, `token` | the daemon's Unix socket; the secret that opens it |
    | `host_name` | this machine's name in events |
    | `memory` | the most bytes that events take until they are acknowledged; beyond it the newest are dropped, and counted |
    | `event_bytes`, `text_bytes`, `items` | the longest body, text, list; what is longer is cut, with a mark |
    | `scrub` | more endings of keys whose values are secrets; `False`: nothing is one |
    | `keep` | keys whose values are no secrets, whatever they end in |
    | `exit_patience` | how long the end of the process may wait for events on their way, in seconds |
    | `exit_hooks` | whether they are also sent before `os._exit` and at SIGTERM (where it is not handled) |

    Raises `ConfigError` (a `ValueError`) when the address or an option cannot be one; then all stays as it was.
    """
    if host is not None and not isinstance(host, str):
        raise ConfigError(f"a host is a text, not {host!r}")
    if recorder is not None and not callable(recorder):
        raise ConfigError(f"a recorder is a function that takes an event, not {recorder!r}")
    options: dict[str, object] = {
        "socket": socket,
        "token": token,
        "host_name": host_name,
        "memory": memory,
        "event_bytes": event_bytes,
        "text_bytes": text_bytes,
        "items": items,
        "scrub": scrub if isinstance(scrub, bool) else _names("scrub", scrub),
        "keep": _names("keep", keep),
        "exit_patience": exit_patience,
    }
    try:
        _core.configure(_address(host, port), recorder, strict, options)
    except (ValueError, TypeError, OverflowError) as error:
        raise ConfigError(str(error)) from None
    if exit_hooks and (host is not None or recorder is not None):
        _exit.install(exit_patience)


def _names(option: str, given: Iterable[str] | None) -> list[str] | None:
    """One name alone is meant as one, not as its letters."""
    if given is None:
        return None
    if isinstance(given, str):
        return [given]
    try:
        return list(given)
    except TypeError:
        raise ConfigError(f"{option}: a list of names, not {given!r}") from None


def _address(host: str | None, port: int | None) -> str | None:
    if host is None:
        return None
    if host == "*":
        host = "127.0.0.1"
    if port is None or host.startswith("unix:"):
        return ports.default_collect_host(host)
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def default_configure(host: str | None = None, recorder: Callable[[Event], Any] | None = None, **options: Any) -> None:
    """As `configure`, to `host` (`host` or `host:port`), else to what BLUEOX_HOST says, else to this machine's daemon."""
    configure(ports.default_collect_host(host), None, recorder, **options)


def flush(timeout: float = EXIT_PATIENCE) -> bool:
    """Waits until all events that have ended are on the daemon's disk, at most for `timeout` seconds. Gives whether they are."""
    return _core.flush(timeout)


def shutdown(timeout: float = EXIT_PATIENCE) -> None:
    """Sends what can be sent within `timeout` seconds, and stops recording: also for servers that reload."""
    _core.shutdown(timeout)


def close() -> None:
    """The original's name for `shutdown`."""
    shutdown()


def stats() -> Stats:
    """What became of all events of the configuration in force."""
    return Stats(**_core.stats())
