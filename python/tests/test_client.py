"""`blueox.client`: decoding, grouping."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

import blueox.client
from blueox.client import DamagedStream, Grouper, decode_stream

EVENTS: list[dict[str, Any]] = [
    {"type": "request.sql", "id": "a", "body": {"n": -1, "big": 2**64 - 1, "list": [None, True, 1.5]}},
    {"type": "request", "id": "a", "body": None},
]
BYTES = b"".join(msgpack.packb(event) for event in EVENTS)


def test_a_binary_file_is_read() -> None:
    assert list(decode_stream(io.BytesIO(BYTES))) == EVENTS


def test_a_text_file_is_read_by_its_buffer() -> None:
    assert list(decode_stream(io.TextIOWrapper(io.BytesIO(BYTES)))) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_pieces_of_any_length_are_read(size: int) -> None:
    pieces = [BYTES[at : at + size] for at in range(0, len(BYTES), size)]
    assert list(decode_stream(pieces)) == EVENTS


def test_events_come_before_the_stream_ends() -> None:
    def pieces() -> Iterator[bytes]:
        yield BYTES
        pytest.fail("it asked for more than was needed")

    assert list(itertools.islice(decode_stream(pieces()), 2)) == EVENTS


def test_text_of_old_encoders_is_text_where_it_can_be() -> None:
    old = msgpack.packb({b"type": b"request", b"body": {b"name": b"caf\xe9"}}, use_bin_type=True)
    assert list(decode_stream([old])) == [{"type": "request", "body": {"name": b"caf\xe9"}}]


def test_keys_that_are_no_text() -> None:
    odd = msgpack.packb({"type": "x", 7: 1, None: 2, b"\xff": 3})
    array_key = b"\x82\xa4type\xa1y\x92\x01\x02\xa1v"
    assert list(decode_stream([odd, array_key])) == [
        {"type": "x", 7: 1, None: 2, b"\xff": 3},
        {"type": "y", "[1,2]": "v"},
    ]


def test_of_equal_keys_the_first_counts() -> None:
    assert list(decode_stream([b"\x82\xa4type\xa1x\xa4type\xa1y"])) == [{"type": "x"}]


def test_extensions() -> None:
    event = msgpack.packb({"type": "x", "at": msgpack.Timestamp(1331640000, 0), "own": msgpack.ExtType(5, b"ab")})
    assert list(decode_stream([event])) == [
        {"type": "x", "at": "2012-03-13T12:00:00Z", "own": {"$ext": 5, "data": b"ab"}}
    ]


@pytest.mark.parametrize(
    ("tail", "message"),
    [(b"\xc1", "offset"), (b"\x05", "map"), (BYTES[:5], "ends inside"), (b"\x91" * 200, "map")],
)
def test_damage_is_named_after_all_that_stands_before_it(tail: bytes, message: str) -> None:
    events = []
    with pytest.raises(DamagedStream, match=message):
        for event in decode_stream([BYTES, tail, b"\xc1"]):
            events.append(event)
    assert events == EVENTS


def test_nothing_is_no_damage() -> None:
    assert list(decode_stream(io.BytesIO(b""))) == []


def event(type_name: str, key: object) -> dict[str, Any]:
    return {"type": type_name, "id": key}


def test_a_group_comes_with_its_parent() -> None:
    stream = [event("r.sql", 1), event("r.sql", 2), event("r.cache", 1), event("r", 1), event("r", 2)]
    groups = list(Grouper(stream))
    assert [[one["type"] for one in group] for group in groups] == [["r.sql", "r.cache", "r"], ["r.sql", "r"]]
    assert [{one["id"] for one in group} for group in groups] == [{1}, {2}]


def test_what_waits_is_bounded_and_what_is_given_up_is_counted() -> None:
    grouper = Grouper([event("r.sql", n) for n in range(10)] + [event("r", 0), event("r", 9)], max_size=3)
    assert [len(group) for group in grouper] == [1, 2]
    assert grouper.evicted == 7
    assert grouper.size == 2


def test_events_without_an_id_belong_to_nobody() -> None:
    groups = list(Grouper([event("r.sql", None), event("r", None), {"type": "r"}, event("r", ["odd", {}])]))
    assert [len(group) for group in groups] == [1, 1, 1]


def test_the_control_port_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BLUEOX_CLIENT_HOST", raising=False)
    assert blueox.client.default_host() == "127.0.0.1:3513"
    assert blueox.client.default_host("collector") == "collector:3513"
