"""Which time is meant, as `oxview --since` and `--until` read it; UTC."""

from __future__ import annotations

import datetime
import re
from typing import TypeAlias

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)

When: TypeAlias = str | float | datetime.datetime | datetime.date
Duration: TypeAlias = str | float | datetime.timedelta

_UNITS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TIME = r"(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?([Zz]|[+-]\d\d:\d\d)?"


def duration(length: Duration, what: str) -> float:
    """Seconds in `"1m"`, `"1h30m"`, a number of seconds, or a `timedelta`."""
    if isinstance(length, datetime.timedelta):
        return length.total_seconds()
    if isinstance(length, (int, float)):
        return float(length)
    parts = re.findall(r"([\d.]+)([a-z]+)", length.strip())
    whole = "".join(number + unit for number, unit in parts)
    if not parts or whole != length.strip() or any(unit not in _UNITS for _, unit in parts):
        raise ValueError(f"{what} {length!r} is no duration; write 10s, 1m, 1h or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def since(when: When | None, now: float) -> float | None:
    """The first instant that is meant; of a day its beginning."""
    if when is None:
        return None
    moment = _moment(when, "since", now)
    return _midnight(moment) if isinstance(moment, datetime.date) else moment


def until(when: When | None, now: float) -> tuple[float | None, bool]:
    """The last instant that is meant, and whether it is itself; of a day the beginning of the next, which is not."""
    if when is None:
        return None, True
    moment = _moment(when, "until", now)
    if isinstance(moment, datetime.date):
        return _midnight(moment) + 86_400.0, False
    return moment, True


def _midnight(day: datetime.date) -> float:
    return datetime.datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _moment(when: When, what: str, now: float) -> float | datetime.date:
    if isinstance(when, datetime.datetime):
        # One without a zone is in UTC, as all that BlueOx shows.
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if isinstance(when, datetime.date):
        return when
    if isinstance(when, (int, float)):
        return float(when)
    text = when.strip()
    today = datetime.datetime.fromtimestamp(now, UTC).date()
    if text == "now":
        return now
    if text in ("today", "yesterday"):
        return today if text == "today" else today - DAY
    try:
        if text.startswith("-"):
            return now - duration(text[1:], what)
        return _written(text, today)
    except ValueError:
        forms = '20120313, "20120313 12:00", 2012-03-13T12:00:00Z, -2h, today or yesterday'
        raise ValueError(f"{what} {when!r} is no time; write {forms} (UTC)") from None


def _written(text: str, today: datetime.date) -> float | datetime.date:
    """`20120313`, `2012-03-13`, either with a time behind it, or a time of today."""
    found = re.fullmatch(rf"(?:(\d{{4}})(-?)(\d\d)\2(\d\d))?(?:(^|[Tt ]){_TIME})?", text)
    if found is None or not text:
        raise ValueError(text)
    year, _, month, day, between, hours, minutes, seconds, zone = found.groups()
    if year is not None and between == "":
        raise ValueError(text)
    date = datetime.date(int(year), int(month), int(day)) if year else today
    if hours is None:
        return date
    clock = datetime.time(int(hours), int(minutes))
    rest = float(seconds or 0)
    if rest >= 61:
        raise ValueError(text)
    start = datetime.datetime.combine(date, clock, UTC).timestamp() + rest
    if zone is None or zone in "Zz":
        return start
    ahead = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60
    return start - ahead if zone[0] == "+" else start + ahead
