"""Ends of the process that pass by the C library's `exit`, where the Rust side sends what is on its way by itself.

Workers of multiprocessing, billiard and other servers end by `os._exit`; a process that does not handle SIGTERM ends there and then. Both are
told to wait for the events, within the same bound. So is the usual end, before Python has given its signal handlers back: a second SIGTERM would
else kill the process while it sends.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import NoReturn

from . import _core

_patience = 2.0
_is_installed = False
_has_finalizer = False


def install(patience: float) -> None:
    """Installs all of it, once; the last patience counts."""
    global _patience, _is_installed
    _patience = patience
    _handle_sigterm()
    if _is_installed:
        return
    _is_installed = True
    atexit.register(_at_exit)
    _wrap_exit()
    if "multiprocessing.util" in sys.modules:
        _flush_in_pools()
    os.register_at_fork(before=_flush_in_pools)


def _end() -> None:
    """Nothing is recorded after this."""
    _core.shutdown(_patience)


def _flush() -> bool:
    """More may be recorded after this. Where no daemon ever answered, nothing is waited for. Gives whether there is patience left."""
    until = monotonic() + _patience
    while not _core.flush(min(max(until - monotonic(), 0.0), 0.1)):
        if monotonic() >= until:
            return False
        account = _core.stats()
        if account["problem"] is not None and not account["is_connected"] and not account["accepted"]:
            return True
    return True


def _at_exit() -> None:
    if not _flush():
        _core.shutdown(0)


def _wrap_exit() -> None:
    original: Callable[[int], NoReturn] = os._exit

    def _exit(status: int) -> NoReturn:
        try:
            _end()
        finally:
            original(status)

    _exit.__doc__ = original.__doc__
    os._exit = _exit


def _flush_in_pools() -> None:
    """Children of multiprocessing and billiard run finalizers before they end, also where `os._exit` was taken before it was wrapped.

    Both keep them in `multiprocessing.util`, and billiard may import that in the child only, so it is imported here: before the first fork.
    """
    global _has_finalizer
    if not _has_finalizer:
        import multiprocessing.util

        _has_finalizer = True
        multiprocessing.util.register_after_fork(_flush, _register)


def _register(flush: Callable[[], object]) -> None:
    import multiprocessing.util

    multiprocessing.util.Finalize(None, flush, exitpriority=-100)


def _handle_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    try:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _terminated)
    except ValueError:  # not the main interpreter
        return


def _terminated(number: int, frame: FrameType | None) -> None:
    try:
        _end()
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
