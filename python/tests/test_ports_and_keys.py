"""Addresses and dotted keys, as the original's cases have them."""

from __future__ import annotations

from typing import Any

import pytest

from blueox import ports, utils


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        (None, None, "127.0.0.1:3514"),
        ("master", None, "master:3514"),
        ("master:1", None, "master:1"),
        (None, "other", "other:3514"),
        (None, "other:2", "other:2"),
        ("master", "other:2", "master:3514"),
        ("::1", None, "[::1]:3514"),
        ("[::1]", None, "[::1]:3514"),
        ("[::1]:7", None, "[::1]:7"),
        ("unix:/run/oxd.sock", None, "unix:/run/oxd.sock"),
    ],
)
def test_collection_address(
    monkeypatch: pytest.MonkeyPatch, given: str | None, variable: str | None, expected: str
) -> None:
    monkeypatch.delenv(ports.ENV_VAR_COLLECT_HOST, raising=False)
    if variable is not None:
        monkeypatch.setenv(ports.ENV_VAR_COLLECT_HOST, variable)
    assert ports.default_collect_host(given) == expected


def test_control_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ports.ENV_VAR_CONTROL_HOST, raising=False)
    assert ports.default_control_host() == "127.0.0.1:3513"
    monkeypatch.setenv(ports.ENV_VAR_CONTROL_HOST, "master")
    assert ports.default_control_host() == "master:3513"
    assert ports.default_control_host("local:9") == "local:9"


def test_dotted_keys() -> None:
    key = utils.parse_key("a.b.c")
    assert (len(key), str(key), key[0], str(key[1:]), list(key)) == (3, "a.b.c", "a", "b.c", ["a", "b", "c"])
    assert utils.parse_key(key) == key


def test_deep_values() -> None:
    target: dict[str, Any] = {}
    utils.set_deep(target, "a.b.c", 1)
    utils.set_deep(target, "a.d", 2)
    assert target == {"a": {"b": {"c": 1}, "d": 2}}
    assert utils.get_deep(target, "a.b.c") == 1
    assert utils.get_deep(target, "a.x.c", "none") == "none"
    assert utils.get_deep(target, "a.d.e") is None
    utils.set_deep(target, "a.d.e", 3)
    assert target["a"]["d"] == {"_value": 2, "e": 3}
