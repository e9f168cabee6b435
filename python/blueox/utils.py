"""Dotted keys, as the original's users know them: for nested dicts of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class ParsedKey:
    """A dotted key as its parts."""

    def __init__(self, value: str | list[str] | ParsedKey) -> None:
        if isinstance(value, ParsedKey):
            self.parts: list[str] = list(value.parts)
        else:
            self.parts = value.split(".") if isinstance(value, str) else list(value)

    def __getitem__(self, index: int | slice) -> Any:
        found = self.parts[index]
        return ParsedKey(found) if isinstance(found, list) else found

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __str__(self) -> str:
        return ".".join(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParsedKey) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(tuple(self.parts))


def parse_key(key: str | ParsedKey) -> ParsedKey:
    """The parts of a dotted key."""
    return ParsedKey(key)


def get_deep(target: dict[str, Any], key: str | ParsedKey, default: Any = None) -> Any:
    """The value under a dotted key, or `default`."""
    found: Any = target
    for part in ParsedKey(key):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


def set_deep(target: dict[str, Any], key: str | ParsedKey, value: Any) -> None:
    """Puts a value under a dotted key. Maps are made where there are none; a value that stands where a map is needed moves to its `_value`."""
    parts = ParsedKey(key)
    place = target
    for part in parts[:-1]:
        inner = place.get(part)
        if not isinstance(inner, dict):
            inner = {} if part not in place else {"_value": inner}
            place[part] = inner
        place = inner
    place[parts[-1]] = value
