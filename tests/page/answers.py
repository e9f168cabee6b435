"""What the API answers about a shop's events; slow, simple, and known to the last digit."""

from __future__ import annotations

import calendar
import json
import math
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from shop import Event, Shop

Query = dict[str, list[str]]

EDGES = (("from", 0.0), ("to", math.inf))


class Refused(Exception):
    def __init__(self, status: int, **body: Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def quantile(values: list[float], share: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


def numbers(events: list[Event]) -> Event:
    took = [event["duration"] for event in events]
    found = {f"p{n}": quantile(took, n / 100) for n in (50, 95, 99)}
    return {"count": float(len(events)), "errors": float(sum(event["error"] for event in events)), **found}


class Answers:
    """Each method is a path of the API. Tests replace single answers in `instead`."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.instead: dict[str, Callable[[Query], Any]] = {}
        # the shop does not change: what was answered once is the answer
        self.known: dict[str, Any] = {}

    def answer(self, path: str, query: Query) -> Any:
        if path in self.instead:
            return self.instead[path](query)
        asked = f"{path}?{sorted(query.items())}"
        if asked not in self.known:
            self.known[asked] = self.compute(path, query)
        return self.known[asked]

    def compute(self, path: str, query: Query) -> Any:
        name = path.split("/")[0]
        made = getattr(self, name, None)
        if made is None:
            raise Refused(404, error=f"there is no /api/v1/{path}")
        return made(query, path)

    def range(self, query: Query) -> tuple[float, float]:
        def at(text: str, default: float) -> float:
            units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
            if text == "":
                return default
            if text.startswith("-"):
                return self.shop.until - float(text[1:-1]) * units[text[-1]]
            return time_of(text)

        return at(one(query, "since"), self.shop.until - 900), at(one(query, "until"), self.shop.until)

    def matching(self, query: Query) -> list[Event]:
        since, until = self.range(query)
        wanted = one(query, "type")
        if "(((" in one(query, "filter"):
            raise Refused(400, error="a parenthesis is not closed", parameter="filter", span=[0, 1], suggestion=")")
        # a filter here is nothing but one type of the children, or none that match
        if one(query, "filter") == "nothing = here":
            return []
        return [
            event
            for event in self.shop.events
            if since <= event["time"] <= until and (wanted in ("", "*") or event["type"] == wanted)
        ]

    def envelope(self, query: Query, events: list[Event], path: str) -> Event:
        since, until = self.range(query)
        scanned = {"events": 3 * len(events), "matched": len(events), "bytes": 211 * len(events), "files": 3}
        return {
            "range": {"since": since, "until": until},
            "scanned": {**scanned, "seconds": 0.012, "cached": False},
            "complete": True,
            "remarks": [],
            "command": {"oxview": f"oxview -l data/logs # {path}", "curl": f"curl -s 'http://127.0.0.1/api/v1/{path}'"},
        }

    def about(self, _query: Query, _path: str) -> Any:
        return {
            "version": "1.0.0",
            "now": time.time(),
            "log_paths": ["data/logs"],
            "daemons": ["127.0.0.1:3513"],
            "live": True,
            "demo": True,
        }

    def types(self, _query: Query, _path: str) -> Any:
        return {"types": sorted({event["type"] for event in self.shop.events})}

    def health(self, _query: Query, _path: str) -> Any:
        forward = {
            "list": 0,
            "state": "active",
            "active": "master:3514",
            "queued": 0,
            "queued_bytes": 0,
            "lag_seconds": 0.0,
        }
        forward |= {
            "forwarded": 41230,
            "dropped": {},
            "destinations": [{"address": "master:3514", "state": "active", "error": None}],
        }
        events = {"accepted": 41230, "stored": 41230, "forwarded": 41230, "queued": 0, "dropped": {}, "rate_in": 120.3}
        status = {"version": "1.0.0", "role": "agent", "host": "web-1", "uptime_seconds": 4711, "lag_seconds": 0.012}
        status |= {
            "events": events,
            "forward": [forward],
            "spool": {"used_bytes": 1 << 20, "max_bytes": 2 << 30, "full": False},
        }
        daemon = {
            "address": "127.0.0.1:3513",
            "reachable": True,
            "error": None,
            "name": "agent on web-1",
            "role": "agent",
            "state": "ok",
        }
        total = {
            "state": "ok",
            "time": time.time(),
            "hosts": 4,
            "lag_seconds": 0.012,
            "queued": 0,
            "queued_bytes": 0,
            "dropped": 0,
        }
        return {
            **total,
            "dropped_by_reason": {},
            "rate_in": 120.3,
            "daemons": [{**daemon, "problems": [], "status": status}],
        }

    def overview(self, query: Query, path: str) -> Any:
        since, until = self.range(query)
        columns = int(one(query, "columns", "60"))
        step = (until - since) / columns
        events = self.matching(query)
        rows = []
        for kind in sorted({event["type"] for event in events}):
            mine = [event for event in events if event["type"] == kind]
            cells: list[list[Event]] = [[] for _ in range(columns)]
            for event in mine:
                cells[min(columns - 1, int((event["time"] - since) / step))].append(event)
            series = [numbers(cell) for cell in cells]
            total = numbers(mine)
            total |= {"rate": len(mine) / (until - since), "err": total["errors"] / len(mine)}
            rows.append(
                {
                    "type": kind,
                    **total,
                    "host_count": None,
                    "series": {key: [cell[key] for cell in series] for key in series[0]},
                }
            )
        times = [since + column * step for column in range(columns)]
        rest = {"step": step, "times": times, "seconds": until - since, "rows": rows, "other": None, "other_types": 0}
        return {**self.envelope(query, events, path), **rest}

    def heatmap(self, query: Query, path: str) -> Any:
        since, until = self.range(query)
        columns, rows = int(one(query, "columns", "200")), int(one(query, "rows", "60"))
        events = self.matching(query)
        made = {
            **self.envelope(query, events, path),
            "field": one(query, "field", "duration"),
            "start": since,
            "step": (until - since) / columns,
        }
        if not events:
            return {
                **made,
                "columns": columns,
                "bounds": [],
                "rows": [],
                "errors": [],
                "max": 0.0,
                "count": 0.0,
                "without": 0.0,
            }
        low = math.log(min(event["duration"] for event in events))
        high = math.log(max(event["duration"] for event in events)) + 1e-6
        grid = [[0.0] * columns for _ in range(rows)]
        failed = [[0.0] * columns for _ in range(rows)]
        for event in events:
            row = int((math.log(event["duration"]) - low) / (high - low) * rows)
            column = min(columns - 1, int((event["time"] - since) / made["step"]))
            grid[row][column] += 1
            failed[row][column] += event["error"]
        bounds = [math.exp(low + (high - low) * row / rows) for row in range(rows + 1)]
        made |= {"columns": columns, "bounds": bounds, "rows": grid, "errors": failed}
        return {**made, "max": max(map(max, grid)), "count": float(len(events)), "without": 0.0}

    def boxed(self, query: Query) -> list[Event]:
        first, last = (time_of(one(query, edge)) if edge in query else default for edge, default in EDGES)
        low, high = float(one(query, "low", "-inf")), float(one(query, "high", "inf"))
        return [
            event for event in self.matching(query) if first <= event["time"] < last and low <= event["duration"] < high
        ]

    def compare(self, query: Query, path: str) -> Any:
        events = self.matching(query)
        chosen = self.boxed(query)
        ids = {id(event) for event in chosen}
        rest = [event for event in events if id(event) not in ids]
        fields: list[Event] = []
        for field, get in FIELDS.items():
            here, there = shares(chosen, get), shares(rest, get)
            score = sum(abs(here.get(value, 0) - there.get(value, 0)) for value in {*here, *there}) / 2
            ranked = sorted({*here, *there}, key=lambda value: -abs(here.get(value, 0) - there.get(value, 0)))
            values = [
                {**field_value(field, value), "selected": here.get(value, 0), "rest": there.get(value, 0)}
                for value in ranked[:5]
            ]
            if score > 0.1:
                fields.append({"field": field, "score": score, "values": values})
        fields.sort(key=lambda found: -found["score"])
        measure = {
            "name": "difference of shares",
            "unit": "",
            "least": 0,
            "greatest": 1,
            "text": "0: alike; 1: nothing in common.",
        }
        sizes = {
            name: {"events": len(part), "count": float(len(part))}
            for name, part in (("selected", chosen), ("rest", rest))
        }
        return {
            **self.envelope(query, events, path),
            "measure": measure,
            **sizes,
            "fields": fields,
            "left_out": ["duration"],
        }

    def breakdown(self, query: Query, path: str) -> Any:
        by = query.get("by", ["host"])
        stats = one(query, "stats", "count,rate,err,p50,p95,p99").split(",")
        since, until = self.range(query)
        events = self.matching(query)
        groups: dict[tuple[Any, ...], list[Event]] = {}
        for event in events:
            groups.setdefault(tuple(FIELDS.get(field, nothing)(event) for field in by), []).append(event)

        def row(members: list[Event]) -> Event:
            found = numbers(members)
            found |= {"rate": len(members) / (until - since), "err": found["errors"] / max(1, len(members))}
            spark = [0.0] * 30
            for event in members:
                spark[min(29, int((event["time"] - since) / (until - since) * 30))] += 1
            return {"values": [found[stat] for stat in stats], "spark": spark}

        ranked = sorted(groups, key=lambda key: -len(groups[key]))
        top = int(one(query, "top", "20"))
        rows = [
            {"key": [field_value(field, value) for field, value in zip(by, key)], **row(groups[key])}
            for key in ranked[:top]
        ]
        left = [event for key in ranked[top:] for event in groups[key]]
        units = {"count": "", "rate": "1/s", "err": "share"}
        made: Event = {
            "by": by,
            "stats": stats,
            "sort": stats[0],
            "units": [units.get(stat, "s") for stat in stats],
            "rows": rows,
        }
        made |= {
            "other": row(left) if left else None,
            "other_groups": max(0, len(ranked) - top),
            "missing": 0.0,
            "total": row(events),
        }
        return {**self.envelope(query, events, path), **made, "spark_start": since, "spark_step": (until - since) / 30}

    def fields(self, query: Query, path: str) -> Any:
        events = self.matching(query)
        found = []
        for field, get in FIELDS.items():
            here = shares(events, get)
            ranked = sorted(here, key=lambda value: -here[value])[:10]
            values = [
                {**field_value(field, value), "count": here[value] * len(events), "share": here[value]}
                for value in ranked
            ]
            rest = (1 - sum(here[value] for value in ranked)) * len(events)
            if values:
                found.append(
                    {
                        "field": field,
                        "count": float(len(events)),
                        "share": 1.0,
                        "other": max(0.0, rest),
                        "values": values,
                    }
                )
        return {
            **self.envelope(query, events, path),
            "events": len(events),
            "count": float(len(events)),
            "fields": found,
            "fields_left_out": 0.0,
        }

    def events(self, query: Query, path: str) -> Any:
        found = self.boxed(query)
        keys: dict[str, Callable[[Event], float]] = {
            "slowest": lambda event: -event["duration"],
            "oldest": lambda event: event["time"],
        }
        found.sort(key=keys.get(one(query, "order"), lambda event: -event["time"]))
        limit = int(one(query, "limit", "100"))
        return {**self.envelope(query, found, path), "events": found[:limit], "more": len(found) > limit}

    def trace(self, query: Query, path: str) -> Any:
        parts = path.split("/")
        events = [event for event in self.shop.events if event["id"] == urllib.parse.unquote(parts[1])]
        if not events:
            raise Refused(404, error=f"no event has the id {parts[1]}")
        if len(parts) > 2:
            return {**self.envelope(query, events, path), "event": events[int(parts[3])]["event"]}
        return {**self.envelope(query, events, path), **trace_of(events, [-1] + [0] * (len(events) - 1))}


FIELDS: dict[str, Callable[[Event], Any]] = {
    "type": lambda event: event["type"],
    "host": lambda event: event["host"],
    "path": lambda event: event["event"]["body"].get("path"),
    "version": lambda event: event["event"]["body"].get("version"),
    "response.status": lambda event: event["event"]["body"].get("response", {}).get("status"),
    "exception": lambda event: event["event"]["body"].get("exception"),
}


def nothing(_event: Event) -> None:
    """The value of a field that no event has."""


def one(query: Query, name: str, default: str = "") -> str:
    return query.get(name, [default])[0]


def time_of(text: str) -> float:
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
    except ValueError:
        raise Refused(400, error="this is no time", parameter="since") from None


def field_value(field: str, value: Any) -> Event:
    kind = {str: "text", int: "integer", type(None): "missing"}.get(type(value), "number")
    text = json.dumps(value)
    return {"value": value, "kind": kind, "filter": f"{field} = {text}", "not": f"{field} != {text}"}


def shares(events: list[Event], get: Callable[[Event], Any]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for event in events:
        value = get(event)
        if value is not None:
            found[value] = found.get(value, 0) + 1 / len(events)
    return found


def trace_of(events: list[Event], parents: list[int]) -> Event:
    """The columns of a trace whose events are in tree order."""
    strings: list[str] = []
    known: dict[str, int] = {}

    def index(text: str) -> int:
        if text not in known:
            known[text] = len(strings)
            strings.append(text)
        return known[text]

    start = min(event["start"] for event in events)
    depth: list[int] = []
    size = [0] * len(events)
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    for row in range(len(events) - 1, 0, -1):
        if parents[row] >= 0:
            size[parents[row]] += size[row] + 1
    columns: dict[str, list[int]] = {
        "type": [index(event["type"]) for event in events],
        "host": [index(event["host"]) for event in events],
        "summary": [index(event["summary"]) for event in events],
        "start": [round((event["start"] - start) * 1e6) for event in events],
        "duration": [round(event["duration"] * 1e6) for event in events],
        "parent": parents,
        "depth": depth,
        "size": size,
        "error": [int(event["error"]) for event in events],
        "missing_parent": [0] * len(events),
    }
    end = max(event["time"] for event in events)
    made = {"id": events[0]["id"], "count": len(events), "start": start, "end": end, "truncated": False}
    return {**made, "errors": sum(columns["error"]), "strings": strings, "columns": columns}
