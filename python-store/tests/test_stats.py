"""Statistics are the same numbers as those of `oxview --by`, hot and sealed."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

import pytest
import stores
from daemon import json_lines, tool

import blueox_store

QUESTIONS: list[dict[str, Any]] = [
    {},
    {"by": "path"},
    {"by": "user"},
    {"by": "user.tags,ok", "stats": "count"},
    {"by": ["host", "response.status"], "stats": "count,rate,err,sum(response.size),avg(score),min(duration),max(x)"},
    {"by": "path", "stats": ["p50", "p999(response.size)", "distinct(user)", "distinct(user.id)"], "every": "1h"},
    {"by": "path", "every": "90m", "stats": "count,p99", "type": "request"},
    {"by": "host", "top": 2, "stats": "count,avg(duration)"},
    {"by": "type", "since": "20120314", "until": "20120314 12:00", "stats": "rate,count"},
    {"by": "bytes", "where": "exists bytes"},
    {"by": "nothing,none,huge,score", "where": "score < 3"},
]


def flags(question: dict[str, Any]) -> list[str]:
    names = {"where": "-q", "type": "-n"}
    joined = {key: ",".join(value) if isinstance(value, list) else str(value) for key, value in question.items()}
    return [word for key, value in joined.items() for word in (names.get(key, f"--{key}"), value)]


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime.datetime):
            return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
        if isinstance(value, bytes):
            return "".join(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in value)
        return value

    return {key: plain(value) for key, value in row.items()}


@pytest.fixture(scope="module", params=["hot", "sealed", "both"])
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    logs = tmp_path_factory.mktemp(request.param) / "logs"
    stores.store(logs)
    if request.param != "hot":
        tool("oxstore", "seal", "-p", logs)
    if request.param == "sealed":
        for path in logs.glob("2012*/*"):
            path.unlink()
    return logs


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_numbers_are_those_of_oxview(logs: pathlib.Path, question: dict[str, Any]) -> None:
    asked = flags(question) if question else ["--stats", "count,err,p50,p95,p99"]
    theirs = json_lines(tool("oxview", "-l", logs, "-o", "json", *asked))
    answer = blueox_store.stats(logs, **question)
    assert theirs
    assert len(answer) == len(theirs)
    for ours, expected in zip(map(as_json, answer), theirs, strict=True):
        # sums are those of several threads, in any order
        assert ours.keys() == expected.keys()
        for name, value in expected.items():
            is_number = isinstance(value, float) and name not in (question.get("by") or "")
            assert ours[name] == (pytest.approx(value, rel=1e-12) if is_number else value), name
    assert list(answer[0]) == [name for name in answer.columns]


def test_every_as_python_has_it(logs: pathlib.Path) -> None:
    asked = [blueox_store.stats(logs, every=every) for every in ("1h30m", 5400, datetime.timedelta(minutes=90))]
    assert len(asked[0]) == len(asked[1]) == len(asked[2]) > 10
    assert [row["time"] for row in asked[0]] == [row["time"] for row in asked[1]] == [row["time"] for row in asked[2]]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"stats": "median"}, '"median" is no statistic'),
        ({"stats": ""}, "names nothing to count"),
        ({"by": "a..b"}, "is no field"),
        ({"by": ["count"]}, '"count" would be two columns'),
        ({"every": "1x"}, "every '1x' is no duration"),
        ({"every": 0}, "from a millisecond to a year"),
        ({"where": "path = / or"}, "the filter is wrong"),
        ({"by": "a,b,c,d,e,f,g,h,i"}, "at most 8 fields"),
    ],
)
def test_what_makes_no_sense(logs: pathlib.Path, question: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        blueox_store.stats(logs, **question)
