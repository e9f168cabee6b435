"""Each view, in both themes: it shows what the server says, and axe finds nothing."""

from __future__ import annotations

import csv
import io
import math
import pathlib
import re
import time
from typing import Any, Callable

import pytest
from playwright.sync_api import expect

from answers import Query, Refused
from fake_server import FakeServer
from shop import Shop
from visit import Visit

Begin = Callable[..., Visit]
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


def incident_box(server: FakeServer) -> str:
    """Around the slow, failing requests of the shop, and nothing else."""
    since = server.answers.shop.since
    return "~".join(str(edge) for edge in (since + 478, since + 664, 0.9, 10))


def iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def a_failed_trace(server: FakeServer) -> str:
    ident: str = next(event["id"] for event in server.answers.shop.events if event["error"])
    return ident


def places(server: FakeServer) -> dict[str, dict[str, Any]]:
    """Where one may be, and what has to be seen there before it is judged."""
    return {
        "overview": {"view": "", "seen": ".overview-table tbody tr"},
        "live": {"view": "live", "seen": ".live-row"},
        "heatmap": {"view": "heatmap", "type": "request", "seen": ".heat-chart button:not([hidden])"},
        "compare": {"view": "heatmap", "type": "request", "box": incident_box(server), "seen": ".compared"},
        "breakdown": {"view": "breakdown", "by": ["path", "host"], "seen": ".breakdown-table tbody tr"},
        "traces": {"view": "trace", "seen": ".trace-list tbody tr"},
        "trace": {"view": "trace", "id": a_failed_trace(server), "seen": ".trace-row"},
    }


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("dark", 900)])
def test_axe_finds_nothing_in_any_view(visit: Begin, server: FakeServer, theme: str, width: int) -> None:
    one = visit(theme, width)
    for name, place in places(server).items():
        seen = place.pop("seen")
        one.go(**place)
        expect(one.find(seen).first).to_be_visible()
        if name == "trace" and width == 1440:
            expect(one.find(".side .line").first).to_be_visible()
        elif width == 1440:
            expect(one.find(".side .facet").first).to_be_visible()
        assert one.find("html").get_attribute("data-theme") == theme
        assert one.violations() == [], name
        width_of_page = one.page.evaluate("document.documentElement.scrollWidth")
        assert width_of_page <= width, f"{name} is wider than its window"


@THEMES
def test_axe_finds_nothing_in_what_opens(visit: Begin, theme: str) -> None:
    one = visit(theme).go()
    expect(one.find(".overview-table tbody tr").first).to_be_visible()
    one.find(".strip").click()
    expect(one.find(".drawer .card")).to_be_visible()
    one.button("Table").click()
    expect(one.find(".twin table")).to_be_visible()
    assert one.violations() == []
    one.page.keyboard.press("?")
    expect(one.find("dialog")).to_be_visible()
    assert one.violations() == []
    one.page.keyboard.press("Escape")
    expect(one.find("dialog")).to_be_hidden()
    one.go(view="heatmap", filter="nothing = here")
    expect(one.find(".blank")).to_be_visible()
    assert one.violations() == []


def test_overview_marks_the_type_that_fails(visit: Begin, server: FakeServer) -> None:
    one = visit().go()
    rows = one.find(".overview-table tbody tr")
    expect(rows).to_have_count(3)
    failing = rows.filter(has=one.page.get_by_role("button", name="request", exact=True))
    expect(failing.locator(".mark")).to_have_text("▲")
    expect(rows.nth(1).locator(".mark")).to_have_text("")
    expect(one.find(".alarm")).to_contain_text("request errors rose from")
    # dragging over a row's chart chooses a range
    chart = rows.first.locator("canvas")
    box = chart.bounding_box()
    assert box is not None
    one.page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=5)
    one.page.mouse.up()
    expect(one.page).to_have_url(re.compile("since=.*until="))
    assert one.place().get("view") is None, "a drag is no click"
    one.page.go_back()
    one.expect_place(since=None)
    expect(rows).to_have_count(3)
    failing.get_by_role("button").click()
    expect(one.find(".heat-chart")).to_be_visible()
    one.expect_place(type="request")


def test_one_look_finds_the_cause_by_clicking(visit: Begin, server: FakeServer) -> None:
    """From the marked row over the heatmap and Compare to the trace, as somebody would who has seen none of it."""
    one = visit().go()
    one.button("Show on the heatmap").click()
    one.button("Compare the errors").click()
    expect(one.find(".compared").first).to_be_visible()
    said = one.find(".headline")
    for cause in ('path = "/checkout"', 'version = "2.8.1"', 'host = "web-3"'):
        expect(said).to_contain_text(cause)
    one.button("Slowest trace in the box").click()
    expect(one.find(".trace-head h2")).to_contain_text("GET /checkout")
    assert "id" in one.place()
    for _ in range(3):
        one.page.go_back()
    expect(one.find(".overview-table tbody tr")).to_have_count(3)


def test_what_is_slow_and_does_not_fail_is_found_too(visit: Begin, server: FakeServer) -> None:
    server.answers.shop = Shop(failing=0.0, per_second=16)
    one = visit().go()
    expect(one.find(".alarm")).to_contain_text("request became slow: p99 rose from")
    one.button("Show on the heatmap").click()
    one.button("Compare the slow band").click()
    for cause in ('path = "/checkout"', 'version = "2.8.1"', 'host = "web-3"'):
        expect(one.find(".headline")).to_contain_text(cause)


def test_errors_all_the_time_are_no_rise_and_still_have_a_cause(visit: Begin, server: FakeServer) -> None:
    """What began before the range shows: the page claims no rise, offers to look back, and Compare names the cause."""
    # too few a step for durations to say anything of it
    shop = Shop(per_second=4)
    shop.events = [event for event in shop.events if 490 <= event["start"] - shop.since < 650]
    begin = shop.since + 490
    shop.until = math.floor(shop.since) + 650
    server.answers.shop = shop
    since, until = iso(begin), iso(shop.until)
    one = visit().go(since=since, until=until)
    expect(one.find(".alarm")).to_contain_text("errors all the time: 4.")
    expect(one.button("Look further back")).to_have_count(0)
    one.button("Show on the heatmap").click()
    one.button("Compare the errors").click()
    for cause in ('path = "/checkout"', 'version = "2.8.1"', 'host = "web-3"'):
        expect(one.find(".headline")).to_contain_text(cause)
    one.go(since="-5m")
    expect(one.find(".alarm")).to_contain_text("errors all the time")
    one.button("Look further back").click()
    one.expect_place(since=None)


def test_a_field_that_is_no_field_is_spelled_otherwise(visit: Begin, server: FakeServer) -> None:
    one = visit().go(type="request")
    expect(one.find(".side .facet").first).to_be_visible()
    known = server.answers.matching
    server.answers.matching = lambda query: [] if "pth" in str(query.get("filter")) else known(query)  # type: ignore[method-assign]
    one.find("#filter").fill('note = "pth = 1" or body.pth = "/cart"')
    one.page.keyboard.press("Enter")
    one.button("Use path for body.pth").click()
    expect(one.find("#filter")).to_have_value('note = "pth = 1" or path = "/cart"')


def test_what_is_pressed_stays_until_it_is_released(visit: Begin, server: FakeServer) -> None:
    """An answer that comes between press and release takes no button away."""
    one = visit().go(view="breakdown", type="request", by=["path"])
    # the panel has one of that name, too
    button = one.find(".breakdown-table").get_by_role("button", name="only path /cart")
    expect(button).to_be_visible()
    box = button.bounding_box()
    assert box is not None
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    one.page.mouse.move(*at)
    one.page.mouse.down()
    node = one.page.evaluate_handle("([x, y]) => document.elementFromPoint(x, y)", at)
    with one.page.expect_response(lambda response: "/breakdown" in response.url) as answered:
        pass  # the view asks again by itself
    answered.value.finished()
    # by then the page has it, too
    one.page.evaluate("fetch('./api/v1/about').then((answer) => answer.text())")
    assert node.evaluate("node => node.isConnected")
    one.page.mouse.up()
    expect(one.find("#filter")).to_have_value('path = "/cart"')


def test_the_heatmap_shows_the_numbers_of_any_field(visit: Begin, server: FakeServer) -> None:
    one = visit().go(view="heatmap", type="request")
    expect(one.find(".heat-chart figcaption")).to_contain_text("7,200 events")
    field = one.find("#heat-field")
    expect(field).to_have_value("duration")
    field.fill("response.size")
    one.page.keyboard.press("Enter")
    one.expect_place(field="response.size", box=None)
    # plain numbers, not times
    one.button("Table").click()
    expect(one.find(".twin caption")).to_contain_text("response.size by time")
    cell = one.find(".twin tbody tr").first.locator("td").last
    expect(cell).to_have_text(re.compile(r"^[\d.,]+$"))
    field.fill("duration")
    one.page.keyboard.press("Enter")
    one.expect_place(field=None)
    expect(cell).to_have_text(re.compile(r"^[\d.]+ (ms|s)$"))


def test_a_daemon_that_does_not_answer_is_named(visit: Begin, server: FakeServer) -> None:
    text = "127.0.0.1:3513 gave no answer"

    def silent(query: Query) -> Any:
        good = server.answers.health(query, "health")
        lost = {"reachable": False, "error": text, "state": "failing", "status": None, "name": None}
        lost["problems"] = [{"state": "failing", "text": text}]
        return {**good, "state": "failing", "daemons": [{**good["daemons"][0], **lost}]}

    server.answers.instead["health"] = silent
    one = visit().go()
    expect(one.find(".strip")).to_contain_text("no answer from 127.0.0.1:3513")
    one.find(".strip").click()
    expect(one.find(".drawer p")).to_have_text([text])


def test_a_box_is_drawn_by_dragging_and_a_cell_opens_its_slowest_trace(visit: Begin) -> None:
    one = visit().go(view="heatmap", type="request")
    expect(one.find(".heat-chart figcaption")).to_contain_text("7,200 events")
    box = one.find("canvas.heat").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"]
    one.page.mouse.move(x + 80, y + 10)
    one.page.mouse.down()
    one.page.mouse.move(x + box["width"] - 20, y + box["height"] * 0.3, steps=8)
    one.page.mouse.up()
    expect(one.find(".compare h2")).to_be_visible()
    expect(one.find(".compared").first).to_be_visible()
    one.button("clear the box").click()
    expect(one.find(".compare h2")).to_be_hidden()
    # the middle of the picture is where most events are
    one.page.mouse.click(x + box["width"] / 2, y + box["height"] * 0.6)
    expect(one.find(".trace-row").first).to_be_visible()


def test_live_follows_again_after_a_zoom(visit: Begin) -> None:
    one = visit().go(since="2026-01-01T00:00:00Z", until="2026-01-01T00:15:00Z")
    expect(one.find(".blank")).to_contain_text("No events in this range")
    expect(one.button("Live")).to_have_attribute("aria-pressed", "false")
    one.button("Live").click()
    expect(one.button("Live")).to_have_attribute("aria-pressed", "true")
    expect(one.find(".overview-table tbody tr")).to_have_count(3)
    one.expect_place(since=None)
    one.button("Live").click()
    expect(one.button("Live")).to_have_attribute("aria-pressed", "false")
    # what was paused here is paused there, and shows what there is
    one.page.keyboard.press("2")
    expect(one.button("Go on")).to_be_visible()
    expect(one.find(".live-row:visible").first).to_be_visible()


def test_without_a_daemon_live_says_how_to_have_one(visit: Begin, server: FakeServer) -> None:
    server.answers.instead["about"] = lambda query: {**server.answers.about(query, "about"), "live": False}
    one = visit().go(view="live")
    expect(one.find(".blank")).to_contain_text("oxview web -H")


def test_breakdown_sorts_narrows_and_saves(visit: Begin, tmp_path: pathlib.Path) -> None:
    one = visit().go(view="breakdown", type="request", by=["path", "host"])
    rows = one.find(".breakdown-table tbody tr")
    expect(rows).to_have_count(20)
    one.button("sort by p99").click()
    expect(one.find("th[aria-sort=descending]")).to_contain_text("p99")
    expect(rows.first).to_contain_text("/checkout")
    expect(rows.first).to_contain_text("web-3")
    with one.page.expect_download() as waiting:
        one.button("CSV").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    saved = list(csv.reader(io.StringIO((tmp_path / "saved.csv").read_text())))
    assert saved[0] == ["path", "host", "count", "rate", "err", "p50", "p95", "p99"]
    assert len(saved) == 21
    one.button("only path /cart").first.click()
    expect(one.find("#filter")).to_have_value('path = "/cart"')
    one.button("without host web-1").first.click()
    expect(one.find("#filter")).to_have_value('path = "/cart" and host != "web-1"')


def test_trace_shows_its_error_and_the_event(visit: Begin, server: FakeServer) -> None:
    one = visit().go(view="trace", id=a_failed_trace(server))
    expect(one.find(".trace-row:visible")).to_have_count(3)
    expect(one.find(".side")).to_contain_text("TimeoutError: inventory did not answer")
    one.button("Collapse").click()
    expect(one.find(".trace-row:visible")).to_have_count(1)
    one.button("Expand").click()
    expect(one.find(".trace-row:visible")).to_have_count(3)
    one.button("Other traces").click()
    expect(one.find(".trace-list tbody tr")).to_have_count(50)


def test_each_chart_has_its_table(visit: Begin) -> None:
    one = visit().go(type="request")
    expect(one.find(".overview-table tbody tr")).to_have_count(1)
    one.button("Table").click()
    expect(one.find(".twin tbody tr")).to_have_count(90)
    one.go(view="heatmap", type="request")
    expect(one.find(".heat-chart figcaption")).to_contain_text("7,200 events")
    one.button("Table").click()
    expect(one.find(".twin tbody tr").first).to_be_visible()


def test_what_went_wrong_is_said_with_what_to_do(visit: Begin, server: FakeServer) -> None:
    one = visit().go(filter="(((")
    expect(one.find("#mistake")).to_contain_text("a parenthesis is not closed")
    expect(one.find("#filter")).to_have_attribute("aria-invalid", "true")
    expect(one.find(".blank .title")).to_have_text("The filter cannot be read")
    one.go(filter="nothing = here")
    expect(one.find(".blank")).to_contain_text("No event matches")
    one.button("Clear type and filter").click()
    expect(one.find(".overview-table tbody tr")).to_have_count(3)
    one.go(view="trace", id="0123456789")
    expect(one.find(".blank")).to_contain_text("No such trace here")

    def broken(_query: object) -> object:
        raise Refused(500, error="the disk does not answer: /var/log/blueox; look at dmesg")

    server.answers.instead["breakdown"] = broken
    one.go(view="breakdown")
    expect(one.find("[role=alert] .title, .failing .title")).to_be_visible()
    expect(one.find(".failing")).to_contain_text("look at dmesg")
    del server.answers.instead["breakdown"]
    one.button("Try again").click()
    expect(one.find(".breakdown-table tbody tr").first).to_be_visible()
    # the browser itself says so when an answer is no 200
    told = ("status of 400", "status of 404", "status of 500")
    one.complaints[:] = [complaint for complaint in one.complaints if not any(text in complaint for text in told)]


def test_the_token_gate(visit: Begin, server: FakeServer) -> None:
    def closed(_query: object) -> object:
        raise Refused(401, error="a token is needed")

    server.answers.instead["about"] = closed
    one = visit("dark").go()
    expect(one.find("form.gate input")).to_be_focused()
    assert one.violations() == []
    one.complaints.clear()
