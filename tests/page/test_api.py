"""The API of `oxview web`, over a real store and a real `oxd`, without a browser."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import select
import shlex
import socket
import time
import urllib.parse
from collections.abc import Generator, Iterator
from typing import Any

import msgpack
import pytest
from daemon import Daemon, json_lines, tool
from waiting import PATIENCE, wait_for

import openapi
from page_server import PageServer
from shop import Shop

ERROR = {"$ref": "#/components/schemas/Error"}


class Api:
    def __init__(self, url: str) -> None:
        self.host = urllib.parse.urlsplit(url).netloc

    def raw(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=PATIENCE)) as connection:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    def ask(self, path: str, pairs: list[tuple[str, object]] | None = None) -> tuple[int, Any]:
        query = urllib.parse.urlencode([(name, str(value)) for name, value in pairs or []])
        status, _, body = self.raw("GET", f"/api/v1{path}{'?' if query else ''}{query}")
        return status, json.loads(body)

    def get(self, path: str, **pairs: object) -> Any:
        status, answer = self.ask(path, list(pairs.items()))
        assert status == 200, answer
        return answer


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    started = Daemon(tmp_path_factory.mktemp("api") / "daemon")
    try:
        started.wait_ready()
        lines = "\n".join(json.dumps(event["event"]) for event in Shop().events)
        status, body = started.http("collection", "POST", "/v1/events", lines.encode())
        assert status == 200, body
        wait_for("all events to be in files", lambda: started.status()["events"]["queued"] == 0)
        yield started
        started.stop()
    finally:
        started.kill()


@contextlib.contextmanager
def serving(base: pathlib.Path, *args: str) -> Iterator[PageServer]:
    server = PageServer(base, "web", *args)
    try:
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def api(daemon: Daemon) -> Iterator[Api]:
    with serving(daemon.base, "-l", "logs", "-H", daemon.address("control")) as server:
        yield Api(server.url)


@pytest.fixture(scope="module")
def span() -> dict[str, str]:
    """A time that is over, so that two who ask see the same."""
    instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    return {"since": "-2d", "until": instant}


def test_every_answer_is_as_the_document_says(api: Api, span: dict[str, str]) -> None:
    events = api.get("/events", limit=5, order="slowest", type="request", **span)["events"]
    slow = urllib.parse.quote(events[0]["id"])
    count = api.get(f"/trace/{slow}", **span)["count"]
    asked: list[tuple[str, str, dict[str, object]]] = [
        ("/about", "/about", {}),
        ("/types", "/types", {**span}),
        ("/overview", "/overview", {**span, "top": 1}),
        ("/overview", "/overview", {"since": "20010101", "until": "20010102"}),
        ("/heatmap", "/heatmap", {**span}),
        ("/heatmap", "/heatmap", {**span, "filter": "type = nothing"}),
        ("/compare", "/compare", {**span, "low": 0.5}),
        ("/compare", "/compare", {**span, "select": "duration < 0"}),
        ("/breakdown", "/breakdown", {**span, "by": "path", "top": 2}),
        ("/fields", "/fields", {**span}),
        ("/events", "/events", {**span, "limit": 3}),
        ("/trace/{id}", f"/trace/{slow}", {**span}),
        ("/trace/{id}/event/{row}", f"/trace/{slow}/event/0", {**span, "of": count}),
        ("/health", "/health", {}),
    ]
    for path, real, pairs in asked:
        openapi.check(api.get(real, **pairs), openapi.answer_schema(path), path)
    assert api.get("/openapi.json") == openapi.DOCUMENT


def test_numbers_are_those_of_the_command_line(api: Api, daemon: Daemon, span: dict[str, str]) -> None:
    flags = ["-l", daemon.base / "logs", "--since", span["since"], "--until", span["until"], "-o", "json"]
    by = json_lines(tool("oxview", *flags, "--by", "type,path", "--stats", "count,err,p50,p95,p99"))
    status, table = api.ask(
        "/breakdown",
        [("by", "type"), ("by", "path"), ("stats", "count,err,p50,p95,p99"), ("top", 500), *span.items()],
    )
    assert status == 200, table
    shown = {tuple(part["value"] for part in row["key"]): row["values"] for row in table["rows"]}
    expected = {
        (row["type"], row.get("path")): [row[name] for name in ("count", "err", "p50", "p95", "p99")] for row in by
    }
    assert shown.keys() == expected.keys()
    for key, values in expected.items():
        assert shown[key] == pytest.approx(values, rel=1e-6), key
    overview = api.get("/overview", **span)
    counts = {row["type"]: row["count"] for row in overview["rows"]}
    by_type = json_lines(tool("oxview", *flags, "--by", "type", "--stats", "count"))
    assert counts == {row["type"]: row["count"] for row in by_type}
    for row in overview["rows"]:
        assert sum(row["series"]["count"]) == row["count"]
        assert sum(row["series"]["errors"]) == pytest.approx(row["errors"])
    [drawn] = json_lines(tool("oxview", *flags, "--heatmap", "duration"))
    heatmap = api.get("/heatmap", **span)
    assert heatmap["count"] == sum(map(sum, drawn["rows"]))
    assert [sum(row) for row in heatmap["rows"]] == [sum(row) for row in drawn["rows"]]
    assert heatmap["bounds"] == pytest.approx(drawn["bounds"])
    assert sum(map(sum, heatmap["errors"])) == pytest.approx(sum(row["errors"] for row in overview["rows"]))


def test_the_commands_of_an_answer_run(api: Api, daemon: Daemon, span: dict[str, str]) -> None:
    asked: list[tuple[str, dict[str, object]]] = [
        ("/overview", {}),
        ("/breakdown", {"by": "path", "filter": "path = '/cart' or duration > 1ms"}),
        ("/events", {"low": 0.5, "limit": 3}),
        ("/compare", {"low": 0.5, "type": "request"}),
    ]
    for path, pairs in asked:
        command = api.get(path, **{**span, **pairs})["command"]["oxview"]
        name, *words = shlex.split(command)
        words[words.index("-l") + 1] = str(daemon.base / "logs")
        assert name == "oxview"
        assert tool("oxview", *words), command


def test_compare_names_the_cause(api: Api, span: dict[str, str]) -> None:
    answer = api.get("/compare", type="request", select="response.status >= 500 and duration > 400ms", **span)
    assert answer["selected"]["events"] > 0
    first = answer["fields"][0]
    assert first["field"] in {"path", "version", "host"}
    assert not first["outcome"]
    kinds = [field["outcome"] for field in answer["fields"]]
    assert kinds == sorted(kinds)
    again = api.get("/breakdown", by="type", filter=first["values"][0]["filter"], type="request", **span)
    assert again["total"]["values"][0] > 0


def test_a_question_about_the_past_is_answered_from_memory(api: Api) -> None:
    past = {"since": "20010101", "until": "20010102"}
    assert not api.get("/fields", top=3, **past)["scanned"]["cached"]
    assert api.get("/fields", top=3, **past)["scanned"]["cached"]


def test_a_trace_in_columns(api: Api, daemon: Daemon) -> None:
    now = time.time()
    ident = "ab" * 16
    events = [
        {"type": "a", "id": ident, "start": now - 1, "end": now, "body": {}},
        {"type": "a.b", "id": ident, "start": now - 0.9, "end": now - 0.1, "body": {"status": 503}},
        {
            "type": "a.b.c",
            "id": ident,
            "start": now - 0.8,
            "end": now - 0.2,
            "body": {"text": "<script>alert(1)</script>"},
        },
        {"type": "lost", "id": ident, "parent": "nobody", "start": now - 0.5, "end": now - 0.4, "body": {}},
    ]
    lines = "\n".join(map(json.dumps, events)).encode()
    assert daemon.http("collection", "POST", "/v1/events", lines)[0] == 200
    wait_for("the trace", lambda: api.ask(f"/trace/{ident}")[1].get("count") == 4)
    trace = api.get(f"/trace/{ident[:8]}")
    columns, strings = trace["columns"], trace["strings"]
    assert [strings[at] for at in columns["type"]] == ["a", "a.b", "a.b.c", "lost"]
    assert columns["depth"] == [0, 1, 2, 0]
    assert columns["parent"] == [-1, 0, 1, -1]
    assert columns["size"] == [2, 1, 0, 0]
    assert columns["error"] == [0, 1, 0, 0]
    assert columns["missing_parent"] == [0, 0, 0, 1]
    assert columns["duration"][0] == pytest.approx(1e6, abs=2)
    assert api.get(f"/trace/{ident}/event/2", of=4)["event"]["body"] == events[2]["body"]
    assert api.ask(f"/trace/{ident}/event/2", [("of", 3)])[0] == 409
    assert api.ask(f"/trace/{ident}/event/4", [("of", 4)])[0] == 404
    assert api.ask("/trace/" + "0" * 40)[0] == 404


HOSTILE = ["\x00", "'; DROP TABLE", "<script>", "%", "\udcff", "9" * 400, "-", "1e999", "[]", "ü" * 3000]


@pytest.mark.parametrize("name", ["type", "filter", "since", "from", "low", "field", "by", "top", "select", "x"])
def test_hostile_parameters_are_answered(api: Api, name: str) -> None:
    for path in ("/overview", "/compare", "/breakdown", "/events"):
        for value in HOSTILE:
            # no file is of this type: what is asked is of interest, not what there is
            pairs = {"type": "nothing", name: value.encode("utf-8", "surrogateescape")}
            query = urllib.parse.urlencode(pairs)
            status, headers, body = api.raw("GET", f"/api/v1{path}?{query}")
            assert status in {200, 400}, (path, query, body)
            assert headers["content-type"] == "application/json", (path, query)
            if status != 200:
                openapi.check(json.loads(body), ERROR, f"{path}?{query}")
    for value in HOSTILE:
        ident = urllib.parse.quote(value.encode("utf-8", "surrogateescape"), safe="")
        status, _, body = api.raw("GET", f"/api/v1/trace/{ident}?since=-1s")
        assert status in {400, 404}, (value, body)
        openapi.check(json.loads(body), ERROR, value)


def test_what_is_wrong_is_pointed_at(api: Api) -> None:
    status, answer = api.ask("/overview", [("filter", "duration > 250msec")])
    assert status == 400
    assert (answer["parameter"], answer["span"], answer["suggestion"]) == ("filter", [11, 18], "250ms")
    assert api.ask("/overview", [("colums", 3)])[1]["suggestion"] == "columns"
    assert api.ask("/nothing")[0] == 404
    assert api.raw("GET", "/nothing.js")[0] == 404
    assert api.raw("POST", "/api/v1/overview")[0] == 405
    assert api.raw("POST", "/")[0] == 405
    assert api.raw("GET", "/api/v1/overview?" + "type=a&" * 100)[0] == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:1"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "user@127.0.0.1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_pages_of_others_may_not_read(api: Api, headers: dict[str, str], status: int) -> None:
    code, answered, _ = api.raw("GET", "/api/v1/about", headers)
    assert code == status
    assert "access-control-allow-origin" not in answered
    assert answered["content-security-policy"].startswith("default-src 'self';")
    assert answered["x-content-type-options"] == "nosniff"
    assert answered["cache-control"] == "no-store"


def test_a_token_where_one_is_asked_for(daemon: Daemon, tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("open-sesame\n")
    with serving(daemon.base, "-l", "logs", "--token-file", str(secret)) as server:
        api = Api(server.url)
        assert "open-sesame" not in server.url
        assert api.raw("GET", "/")[0] == 200
        for headers in ({}, {"Authorization": "Bearer open-sesamE"}, {"Cookie": "blueox_session=open-sesame"}):
            assert api.raw("GET", "/api/v1/about", headers)[0] == 401
        shown = {"Authorization": "Bearer open-sesame"}
        status, _, body = api.raw("GET", "/api/v1/overview", shown)
        assert status == 200
        assert "open-sesame" not in body.decode()
        assert api.raw("POST", "/api/v1/session", shown)[0] == 403
        status, headers, _ = api.raw("POST", "/api/v1/session", {**shown, "X-BlueOx": "1"})
        assert status == 204
        cookie, *attributes = headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
        assert api.raw("GET", "/api/v1/about", {"Cookie": f"other=1; {cookie}"})[0] == 200


@pytest.fixture
def large(tmp_path: pathlib.Path) -> Iterator[Api]:
    """A store of which a question takes a while."""
    day = time.strftime("%Y%m%d", time.gmtime())
    folder = tmp_path / "logs" / day
    folder.mkdir(parents=True)
    body = {f"field{n}": f"value {n}" for n in range(40)}
    event = {
        "type": "big",
        "id": "1" * 32,
        "host": "h",
        "pid": 1,
        "start": time.time(),
        "end": time.time(),
        "body": body,
    }
    one = msgpack.packb(event)
    with (folder / f"big-{day}.log").open("wb") as file:
        for _ in range(40):
            file.write(one * 1000)
    with serving(tmp_path, "-l", "logs", "--slack", "7d") as server:
        yield Api(server.url)


def test_work_ends_when_nobody_waits(large: Api) -> None:
    host, port = large.host.split(":")

    def abandon() -> int:
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            connection.sendall(f"GET /api/v1/fields?since=-3d HTTP/1.1\r\nHost: {large.host}\r\n\r\n".encode())
            # or answered, before one could see that
            wait_for("the question to be worked on", lambda: busy() or select.select([connection], [], [], 0)[0])
        count: int = large.get("/about")["work"]["abandoned"]
        return count

    def busy() -> bool:
        return bool(large.get("/about")["work"]["busy"])

    wait_for("a question to be given up", abandon)
    wait_for("its thread to be free", lambda: not busy())


def test_too_many_questions_are_told_to_wait(large: Api) -> None:
    def ask(_: int) -> int:
        return large.raw("GET", "/api/v1/overview?since=-3d")[0]

    def overload() -> set[int]:
        with concurrent.futures.ThreadPoolExecutor(60) as askers:
            return set(askers.map(ask, range(60)))

    answered = overload()
    assert answered <= {200, 503}
    assert 200 in answered
    # the page itself and what needs no store are still there
    assert large.raw("GET", "/")[0] == 200
    assert large.get("/about")["work"]["busy"] >= 0


def test_damage_makes_an_answer_incomplete(tmp_path: pathlib.Path) -> None:
    day = time.strftime("%Y%m%d", time.gmtime())
    folder = tmp_path / "logs" / day
    folder.mkdir(parents=True)
    now = time.time()
    one = msgpack.packb({"type": "t", "id": "1" * 32, "host": "h", "pid": 1, "start": now, "end": now, "body": {}})
    (folder / f"t-{day}.log").write_bytes(one * 3 + b"\xc1\xc1\xc1" + one * 3)
    with serving(tmp_path, "-l", "logs", "-l", "logs", "-l", "missing") as server:
        answer = Api(server.url).get("/overview", since="-1d")
    assert answer["rows"][0]["count"] == 6
    assert not answer["complete"]
    assert {remark["reason"] for remark in answer["remarks"]} == {"damage", "unreadable"}


def messages(api: Api, query: str) -> Generator[tuple[str, Any], None, None]:
    with contextlib.closing(http.client.HTTPConnection(api.host, timeout=PATIENCE)) as connection:
        connection.request("GET", f"/api/v1/live{query}")
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Content-Type") == "text/event-stream"
        name = ""
        while line := response.readline().decode():
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: "):
                yield name, json.loads(line[6:])


def test_live_shows_or_counts_every_event(api: Api, daemon: Daemon) -> None:
    count = 4000
    shown: list[int] = []
    seen, skipped, counted = 0, 0, 0.0
    stream = messages(api, "?type=burst")
    schemas = openapi.DOCUMENT["components"]["schemas"]
    sent = False
    deadline = time.monotonic() + PATIENCE
    for name, data in stream:
        assert time.monotonic() < deadline, f"{len(shown)} shown, {skipped} skipped of {count}; {counted} counted"
        openapi.check(data, schemas[f"Live{name.capitalize()}"], name)
        if name == "daemon" and data["state"] == "watching" and not sent:
            sent = True
            event = {"type": "burst", "host": "h", "body": {"status": 500}}
            lines = "\n".join(json.dumps({**event, "body": {"seq": n, "status": 500}}) for n in range(count))
            assert daemon.http("collection", "POST", "/v1/events", lines.encode())[0] == 200
        if name == "events":
            assert len(data["events"]) <= 200
            shown += [event["event"]["body"]["seq"] for event in data["events"]]
            seen += data["seen"]
            skipped += data["skipped"]
        if name == "overview":
            counted += sum(row["count"] for row in data["rows"])
            if sent and len(shown) + skipped >= count and counted >= seen:
                break
    stream.close()
    assert len(set(shown)) == len(shown)
    assert shown == sorted(shown)
    assert counted == seen <= count


def test_live_needs_a_daemon(large: Api) -> None:
    assert large.ask("/live")[0] == 404
    assert not large.get("/about")["live"]
    assert large.get("/health")["state"] == "none"
