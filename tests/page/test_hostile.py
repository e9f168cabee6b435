"""Events come from anywhere: whatever stands in them is text and nothing else, in every view."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from playwright.sync_api import expect

from answers import Query, field_value, trace_of
from fake_server import FakeServer, hello
from shop import Shop
from visit import Visit

Begin = Callable[..., Visit]

MARK = "<img src=x onerror=alert(1)>"
HOSTILE = [
    "<script>window.stolen=1</script>",
    f"{MARK}",
    "'\"><svg onload=window.stolen=1>",
    "javascript:window.stolen=1",
    "\u202egnp.exe\u202c",
    "a" * 20_000,
    "\x00\x01\x1b[2J\r\n",
    "{{constructor.constructor('window.stolen=1')()}}",
    "__proto__",
    "",
]


class HostileShop(Shop):
    """Every text of every event is one of those above, keys included."""

    def __init__(self) -> None:
        super().__init__(seconds=60, per_second=1)
        clean, self.events = self.events, []
        for number, event in enumerate(clean):
            text = HOSTILE[number % len(HOSTILE)]
            whole = event["event"] | {
                "type": text,
                "host": text,
                "body": {text: text, "path": text, "list": [text, {text: None}]},
            }
            # an id that one can ask for
            self.events.append(
                {**event, "type": text, "host": text, "summary": text, "error": number % 7 == 0, "event": whole}
            )
        self.since = self.until - 900


@pytest.fixture
def server() -> Any:
    served = FakeServer(HostileShop())
    events = served.answers.shop.events

    def compare(_query: Query) -> Any:
        values = [{**field_value(text, text), "selected": 0.9, "rest": 0.1} for text in HOSTILE[:5]]
        measure = {"name": MARK, "unit": MARK, "least": 0, "greatest": 1, "text": MARK}
        part = {"events": 5, "count": 5.0}
        fields = [{"field": text, "score": 0.5, "values": values} for text in HOSTILE]
        made = {"measure": measure, "selected": part, "rest": part, "fields": fields, "left_out": [MARK]}
        return {**served.answers.envelope({}, events, MARK), **made, "remarks": [{"reason": MARK, "text": MARK}]}

    def health(_query: Query) -> Any:
        good = served.answers.health({}, "health")
        daemon = good["daemons"][0]
        bad = {**daemon, "name": MARK, "error": MARK, "reachable": False, "problems": [{"state": MARK, "text": MARK}]}
        return {**good, "state": MARK, "daemons": [bad], "dropped_by_reason": {MARK: 1}}

    served.answers.instead["compare"] = compare
    served.answers.instead["health"] = health
    served.answers.instead["types"] = lambda _query: {"types": HOSTILE}
    yield served
    served.close()


def assert_harmless(one: Visit, what: str) -> None:
    assert one.page.evaluate("window.stolen") is None, what
    inside = one.page.evaluate(
        "document.querySelectorAll('body img, body script, body svg[onload], body iframe').length"
    )
    assert inside == 0, f"{what}: markup of an event became elements"
    assert one.page.evaluate("Object.prototype.polluted") is None, what
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 1440, f"{what}: wider than its window"


def test_values_stay_text_in_every_view(visit: Begin, server: FakeServer) -> None:
    one = visit()
    one.page.on("dialog", lambda dialog: one.complaints.append(f"a dialog opened: {dialog.message}"))
    events = server.answers.shop.events

    def live(_query: Query) -> Any:
        yield hello()
        yield "events", {"events": events[:40], "skipped": 0, "seen": 40}
        yield "daemon", {"address": MARK, "state": "lost", "error": MARK}
        server.stopping.wait()

    server.live = live
    now = server.answers.shop.until
    box = f"{now - 100}~{now}~0.0001~100"
    trace = events[0]["id"]
    places: list[tuple[dict[str, Any], str]] = [
        ({}, ".overview-table tbody tr"),
        ({"view": "live"}, ".live-row"),
        ({"view": "heatmap", "box": box}, ".compared"),
        ({"view": "breakdown", "by": ["type", "host"]}, ".breakdown-table tbody tr"),
        ({"view": "trace"}, ".trace-list tbody tr"),
        ({"view": "trace", "id": trace}, ".trace-row"),
    ]
    for place, seen in places:
        one.go(**place)
        expect(one.find(seen).first).to_be_visible()
        if place.get("view") == "live":
            one.find("#live-1").click()
            expect(one.find(".side .line").first).to_be_visible()
        assert_harmless(one, str(place))
    one.go(view="breakdown", by=["type"])
    expect(one.find(".breakdown-table")).to_contain_text(HOSTILE[0])
    one.find(".strip").click()
    expect(one.find(".drawer")).to_contain_text(MARK)
    assert_harmless(one, "drawer")


def test_the_url_is_hostile_too(visit: Begin) -> None:
    one = visit()
    for text in HOSTILE:
        one.go(
            view="breakdown", type=text[:500], filter="", since="-15m", by=[text[:500]], sort=text[:500], box=text[:500]
        )
        expect(one.find(".tab[aria-current=page]")).to_contain_text("Breakdown")
        expect(one.find("#type")).to_have_value(text[:500].replace("\r", "").replace("\n", ""))
        assert_harmless(one, text[:40])
    one.go(view="<script>", since="<b>", until="<b>")
    expect(one.find(".tab[aria-current=page]")).to_contain_text("Overview")
    assert_harmless(one, "view")
    one.complaints[:] = [complaint for complaint in one.complaints if "status of" not in complaint]


def test_a_trace_that_is_not_as_promised_is_shown_as_far_as_it_goes(visit: Begin, server: FakeServer) -> None:
    events = server.answers.shop.events[:3]
    made = trace_of(events, [-1, 0, 1])
    made["columns"]["type"] = [99, -1, 0]
    made["columns"]["duration"] = [-5, 10**15, 0]
    made["columns"]["missing_parent"] = [1, 0, 0]
    server.answers.instead["trace/abcdef"] = lambda query: {**server.answers.envelope(query, events, "trace"), **made}
    one = visit().go(view="trace", id="abcdef")
    expect(one.find(".trace-row:visible")).to_have_count(3)
    assert_harmless(one, "trace")
    one.complaints[:] = [complaint for complaint in one.complaints if "status of 404" not in complaint]
