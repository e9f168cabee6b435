"""`set` is written against the interpreter's own calling convention: every way to call it, and that no reference is lost or kept."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

import blueox
from blueox.testing import Capture

WAYS = """
import sys, blueox
from blueox.testing import capture

class Raises:
    def __str__(self):
        raise KeyboardInterrupt

def ways(key, value):
    blueox.set(key, value)
    blueox.set(key)
    blueox.set(key, value, value, value)
    blueox.set(key, a=value)
    blueox.set(key, value, value, b=value, **{"c.d": value})
    blueox.set(*[key], **{"e": value})
    blueox.set(value, key)
    for wrong in ((), ):
        try:
            blueox.set(*wrong)
        except TypeError:
            pass
        try:
            blueox.set(key=value)
        except TypeError:
            pass
    try:
        blueox.set(key, Raises(), x=value)
    except KeyboardInterrupt:
        pass
    try:
        blueox.set(key, Raises())
    except KeyboardInterrupt:
        pass

key, value = "".join(["k", ".ey"]), ["v", object()]
for configured in (False, True):
    events = capture() if configured else None
    if events: events.__enter__()
    with blueox.Context("test"):
        ways(key, value)
        before = sys.getrefcount(key), sys.getrefcount(value), sys.getrefcount(value[1]), sys.getrefcount(None)
        for _ in range(1000):
            ways(key, value)
        after = sys.getrefcount(key), sys.getrefcount(value), sys.getrefcount(value[1]), sys.getrefcount(None)
    assert before[:3] == after[:3], (before, after)
    assert abs(before[3] - after[3]) < 100, (before, after)
    ways(key, value)
    if events: events.__exit__(None, None, None)
"""


@pytest.mark.parametrize("allocator", ["debug", "malloc_debug", "default"])
def test_references_and_memory(allocator: str) -> None:
    """With Python's own checks of each block of memory: an overrun or a use after its end aborts the process."""
    environment = {**os.environ, "PYTHONMALLOC": allocator, "PYTHONDEVMODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WAYS], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_what_each_way_records(blueox_events: Capture) -> None:
    with blueox.Context("test"):
        blueox.set("one", 1)
        blueox.set("nothing")
        blueox.set("list", 1, 2, 3)
        blueox.set("map", a=1, **{"c.d": 2})
        blueox.set("both", 5, a=1)
        blueox.set("both", 6, 7, b=1)
    assert blueox_events.one().body == {
        "one": 1,
        "nothing": None,
        "list": [1, 2, 3],
        "map": {"a": 1, "c.d": 2},
        "both": {"_value": [6, 7], "b": 1},
    }


def test_what_is_no_call(blueox_events: Capture) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'key'"):
        blueox.set()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        blueox.set(a=1)  # type: ignore[call-arg]
    with blueox.Context("test"), pytest.raises(TypeError):
        blueox.set(**{"a": 1})  # type: ignore[call-arg]


def test_it_says_how_it_is_called() -> None:
    assert str(inspect.signature(blueox.set)) == "(key, value=None, /, *more, **fields)"
    assert blueox.set.__module__ == "blueox._core"
    assert blueox.set.__doc__ is not None
    assert "Dots in keys" in blueox.set.__doc__
