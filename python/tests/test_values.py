"""Whatever a program holds can be recorded: no value raises, and one that cannot be kept takes nothing with it."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import gc
import ipaddress
import math
import pathlib
import tracemalloc
import types
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import blueox
from blueox.testing import Capture, capture

UTC = datetime.timezone.utc


class Color(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: float


@dataclasses.dataclass
class Cart:
    id: int
    password: str
    lines: list[Any] = dataclasses.field(default_factory=list)


@attrs.define
class User:
    name: str
    cart: Cart | None = None


class Order(pydantic.BaseModel):
    number: int
    at: datetime.date
    key: pydantic.SecretStr = pydantic.SecretStr("hunter2")


class Lazy:
    def __str__(self) -> str:
        return "lazy"


class Raises:
    def __init__(self, error: type[BaseException] = ValueError) -> None:
        self.error = error

    def __str__(self) -> str:
        raise self.error("no text")


class Endless(datetime.timedelta):
    def total_seconds(self) -> Any:
        return Endless(1)


class Deeper(enum.Enum):
    ONE = object()

    @property
    def value(self) -> Any:
        return {"again": Later(1)}


class Later(datetime.timedelta):
    def total_seconds(self) -> Any:
        return {"again": Later(1)}


def recorded(value: Any) -> Any:
    with capture() as events, blueox.Context("test"):
        blueox.set("before", 1)
        blueox.set("value", value)
        blueox.set("after", [2])
    body = events.one().body
    assert (body["before"], body["after"]) == (1, [2])
    return body["value"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (-1, -1),
        (2**63, 2**63),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (1.5, 1.5),
        (math.inf, math.inf),
        ("é", "é"),
        ("a\ud800b", "a\\ud800b"),
        (b"\xff\x00", b"\xff\x00"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ((1, "a"), [1, "a"]),
        (range(3), [0, 1, 2]),
        ({5}, [5]),
        (frozenset([5]), [5]),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({1: "a", None: "b", b"c": 2}, {"1": "a", "None": "b", "c": 2}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.UserList([1]), [1]),
        (collections.Counter("aa"), {"a": 2}),
        (datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.time(1, 2), "01:02:00"),
        (datetime.timedelta(minutes=1, milliseconds=500), 60.5),
        (decimal.Decimal("0.1"), 0.1),
        (decimal.Decimal("0.10"), 0.1),
        (decimal.Decimal("1e400"), "1E+400"),
        (decimal.Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (decimal.Decimal("sNaN"), "sNaN"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (ipaddress.ip_address("::1"), "::1"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (Point(1, 2.5), {"x": 1, "y": 2.5}),
        (Cart(1, "x", [{"a": Color.RED}]), {"id": 1, "password": "[scrubbed]", "lines": [{"a": "red"}]}),
        (User("u", Cart(1, "x")), {"name": "u", "cart": {"id": 1, "password": "[scrubbed]", "lines": []}}),
        (Order(number=1, at=datetime.date(2026, 1, 1)), {"number": 1, "at": "2026-01-01", "key": "**********"}),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
        (np.bool_(True), True),
        (np.longdouble(2), "2.0"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(7), 7),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (KeyError("a"), {"type": "KeyError", "message": "'a'"}),
        (Lazy(), "lazy"),
        (int, "<class 'int'>"),
        (Raises(), "[unprintable test_values.Raises]"),
        ([1, Raises(), 2], [1, "[unprintable test_values.Raises]", 2]),
        ({"a": Raises(), "b": 2}, {"a": "[unprintable test_values.Raises]", "b": 2}),
        ({Raises(): 1, "b": 2}, {"[unprintable test_values.Raises]": 1, "b": 2}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert recorded(value) == expected


def test_not_a_number() -> None:
    assert math.isnan(recorded(math.nan))


def test_what_contains_itself() -> None:
    mine: list[Any] = [1]
    mine.append({"again": mine})
    assert recorded(mine) == [1, {"again": "[cycle]"}]
    shared = [1]
    assert recorded([shared, shared]) == [[1], [1]]


def test_what_is_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    value = recorded(deep)
    levels = 0
    while isinstance(value, list):
        value, levels = value[0], levels + 1
    assert (value, levels) == ("[left out]", 64)
    while deep:
        deep = deep.pop()


def test_what_is_derived_without_end() -> None:
    assert "1 day" in recorded(Endless(1))
    assert "[left out]" in repr(recorded(Later(1)))
    assert "[left out]" in repr(recorded(Deeper.ONE))


def test_what_is_long() -> None:
    assert recorded("x" * 100_000).endswith("…[100000 bytes]")
    tracemalloc.start()
    for long in ("x" * 100_000_000, "é" * 50_000_000):
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        assert recorded(long)[-30:].endswith("characters]")
        assert tracemalloc.get_traced_memory()[1] - before < 40_000_000
    tracemalloc.stop()
    assert len(recorded(bytes(100_000_000))) < 70_000
    assert len(recorded(bytearray(10_000_000))) < 70_000
    assert recorded(list(range(100_000)))[1023:] == [1023, "…"]
    assert recorded(range(10**12))[-1] == "…"
    assert len(recorded(dict.fromkeys(map(str, range(100_000))))) == 1025
    assert recorded(np.zeros(10_000_000))[-1] == "…"
    assert recorded(1 << 100_000).endswith("…[100001 bits]")
    assert recorded(-(1 << 100_000)).startswith("-0x8000")


def test_what_changes_while_it_is_looked_at() -> None:
    changing: dict[str, Any] = {}

    class Grows:
        def __str__(self) -> str:
            changing[f"more{len(changing)}"] = 1
            return "grown"

    changing["a"] = Grows()
    changing["b"] = 2
    assert recorded(changing) == {"a": "grown", "…": "[RuntimeError]"}
    growing: list[Any] = []

    class Appends:
        def __str__(self) -> str:
            growing.append(Appends())
            return "x"

    growing.append(Appends())
    assert recorded(growing)[-1] == "…"


def test_iteration_that_fails() -> None:
    class Broken(collections.abc.Sequence):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise OSError
            return index

    assert recorded(Broken()) == [0, 1, "[OSError]"]

    def numbers() -> Iterator[int]:
        yield 1

    generator = numbers()
    assert "generator" in recorded(generator)
    assert next(generator) == 1  # it was not consumed


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_goes_through(blueox_events: Capture, error: type[BaseException]) -> None:
    with blueox.Context("test"):
        with pytest.raises(error):
            blueox.set("value", [1, Raises(error), 2])
        with pytest.raises(error):
            blueox.append("list", Raises(error))
        blueox.set("after", 1)
    body = blueox_events.one().body
    assert body["after"] == 1
    assert body["value"][0] == 1


def test_odd_keys(blueox_events: Capture) -> None:
    with blueox.Context("test"):
        for key in (5, None, b"bytes", Raises(), "a\ud800", "", "....", "k" * 10_000, object):
            blueox.set(key, 1)  # type: ignore[arg-type]
            blueox.append(key, 1)  # type: ignore[arg-type]
            blueox.add(key, 1)  # type: ignore[arg-type]
        blueox.set("fine", 1)
    assert blueox_events.one().body["fine"] == 1
    for name in (5, None, Raises(), "a\ud800", "", "n" * 1000):
        with blueox.Context(name):  # type: ignore[arg-type]
            pass
    assert len(blueox_events) == 7


def test_secrets(blueox_events: Capture) -> None:
    with blueox.Context("test"):
        blueox.set("user.password", "hunter2")
        blueox.set("headers", {"Authorization": "hunter2", "Accept": "x", "nested": [{"api_key": "hunter2"}]})
        blueox.set("login", password="hunter2", name="x")
    event = blueox_events.one()
    assert "hunter2" not in repr(event)
    assert event.value("headers.Accept") == "x"
    assert event.value("login") == {"password": "[scrubbed]", "name": "x"}


def test_secrets_are_configured() -> None:
    events: list[Any] = []
    for scrub, keep, expected in (
        (["iban"], ["page_token"], {"iban": "[scrubbed]", "page_token": 1, "password": "[scrubbed]"}),
        ("iban", "page_token", {"iban": "[scrubbed]", "page_token": 1, "b": 1, "n": 1}),
        (False, None, {"iban": 1, "page_token": 1, "password": 1}),
    ):
        blueox.configure(None, recorder=events.append, scrub=scrub, keep=keep)
        with blueox.Context("test"):
            for key in expected:
                blueox.set(key, 1)
        assert events[-1].data == expected


def test_nothing_is_kept_alive(blueox_events: Capture) -> None:
    class Held:
        pass

    gc.collect()
    before = sum(type(found) is Held for found in gc.get_objects())
    with blueox.Context("test"):
        for _ in range(100):
            blueox.set("x", [Held(), {"a": Held()}])
    gc.collect()
    assert sum(type(found) is Held for found in gc.get_objects()) == before


SIMPLE = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=50)
)
TIMES = st.datetimes() | st.dates() | st.times() | st.timedeltas()
ODD = (
    st.integers()
    | st.floats()
    | st.decimals()
    | st.fractions()
    | st.complex_numbers()
    | st.uuids()
    | st.binary(max_size=50)
    | st.characters(categories=["Cs"])
    | TIMES
    | st.sampled_from([Color.RED, Level.HIGH, Raises(), Lazy(), Endless(1), Later(1), Deeper.ONE, object(), int, len])
    | st.builds(Raises, st.sampled_from([ValueError, RecursionError, MemoryError, UnicodeError]))
    | st.builds(Point, st.integers(), st.floats())
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.text(max_size=8) | st.integers() | st.none() | st.binary(max_size=4)
    return (
        st.lists(inner, max_size=5)
        | st.dictionaries(keys, inner, max_size=5)
        | st.tuples(inner, inner)
        | st.builds(Cart, inner, inner, st.lists(inner, max_size=2))
        | st.builds(User, inner, inner)
        | st.builds(ValueError, inner)
        | st.builds(collections.UserList, st.lists(inner, max_size=3))
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(
    st.recursive(ODD | SIMPLE, containers, max_leaves=20),
    st.dictionaries(st.from_regex(r"[a-j]{1,3}", fullmatch=True), SIMPLE),
)
def test_any_value_leaves_the_others_whole(odd: Any, fine: dict[str, Any]) -> None:
    with capture() as events, blueox.Context("test"):
        blueox.set("odd", odd)
        blueox.set("fine", {**fine, "odd": odd})
        blueox.append("list", odd)
        blueox.append("list", "end")
        blueox.set("several", odd, "end")
        blueox.add("sum", odd)
        blueox.set("named", odd=odd, end=1)
    body = events.one().body
    found = body["fine"]
    found.pop("odd")
    assert found == fine
    assert body["list"][-1] == body["several"][-1] == "end"
    assert body["named"]["end"] == 1
    assert "odd" in body


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.recursive(
        SIMPLE,
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(st.from_regex(r"[a-j]{1,3}", fullmatch=True), inner)
        ),
        max_leaves=30,
    )
)
def test_what_is_plain_comes_back_the_same(value: Any) -> None:
    assert recorded(value) == value
