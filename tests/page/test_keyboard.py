"""The page without a pointer."""

from __future__ import annotations

import re
from typing import Callable

from playwright.sync_api import expect
from waiting import wait_for

from fake_server import FakeServer
from visit import Visit

Begin = Callable[..., Visit]


def test_from_overview_to_the_cause_by_keys_alone(visit: Begin) -> None:
    one = visit().go()
    press = one.page.keyboard.press
    expect(one.find(".overview-table tr.selected")).to_contain_text("request")
    press("j")
    expect(one.find(".overview-table tr.selected")).to_contain_text("request.cache")
    press("k")
    press("Enter")
    expect(one.find(".heat-chart figcaption")).to_contain_text("7,200 events")
    one.expect_place(type="request")
    # the cursor begins in the middle; from its upper right corner a box is drawn to the left and down
    press("ArrowRight")
    for _ in range(60):
        press("ArrowUp")
    for _ in range(40):
        press("Shift+ArrowRight")
    for _ in range(10):
        press("Shift+ArrowDown")
    expect(one.find(".heat-body .heard")).to_contain_text("box to")
    press("Enter")
    expect(one.find(".compare h2")).to_be_visible()
    expect(one.find(".compared").first).to_contain_text("in the box")
    press("Escape")
    expect(one.find(".compare h2")).to_be_hidden()


def test_digits_open_views_and_back_undoes(visit: Begin) -> None:
    one = visit().go()
    expect(one.find(".overview-table tbody tr").first).to_be_visible()
    for key, name in (("2", "Live"), ("3", "Heatmap"), ("4", "Breakdown"), ("5", "Trace"), ("1", "Overview")):
        one.page.keyboard.press(key)
        expect(one.find(".tab[aria-current=page]")).to_contain_text(name)
    one.page.go_back()
    expect(one.find(".tab[aria-current=page]")).to_contain_text("Trace")
    one.page.go_forward()
    expect(one.find(".tab[aria-current=page]")).to_contain_text("Overview")


def test_the_filter_is_typed_and_kept_in_the_url(visit: Begin) -> None:
    one = visit().go()
    one.page.keyboard.press("/")
    expect(one.find("#filter")).to_be_focused()
    # letters that are keys elsewhere are letters here
    one.page.keyboard.type("host = t1")
    one.page.keyboard.press("Enter")
    one.expect_place(filter="host = t1")
    one.page.reload()
    expect(one.find("#filter")).to_have_value("host = t1")
    one.page.go_back()
    expect(one.find("#filter")).to_have_value("")


def test_theme_help_and_fields(visit: Begin) -> None:
    one = visit("light").go()
    expect(one.find(".side")).to_be_visible()
    one.page.keyboard.press("t")
    expect(one.find("html")).to_have_attribute("data-theme", "dark")
    one.page.reload()
    expect(one.find("html")).to_have_attribute("data-theme", "dark")
    expect(one.find(".side .facet").first).to_be_visible()
    one.page.keyboard.press("f")
    expect(one.find(".side")).to_be_hidden()
    one.page.keyboard.press("?")
    expect(one.find("dialog")).to_be_visible()
    one.page.keyboard.press("Escape")
    expect(one.find("dialog")).to_be_hidden()


def test_live_pauses_and_opens_by_keys(visit: Begin) -> None:
    one = visit().go(view="live")
    expect(one.find(".live-row:visible").first).to_be_visible()
    one.page.keyboard.press(" ")
    expect(one.button("Go on")).to_be_visible()
    expect(one.find(".fresh")).to_contain_text("new ↑")
    first = one.find("#live-0").text_content()
    one.page.keyboard.press("j")
    expect(one.find(".side .line").first).to_be_visible()
    assert one.find("#live-0").text_content() == first, "what is paused stays"
    one.page.keyboard.press(" ")
    expect(one.button("Pause")).to_be_visible()
    expect(one.find(".fresh")).to_be_hidden()
    one.page.keyboard.press("j")
    one.page.keyboard.press("Enter")
    expect(one.find(".trace-row").first).to_be_visible()


def test_scrolling_freezes_live(visit: Begin) -> None:
    one = visit().go(view="live")
    wait_for("rows to scroll through", lambda: one.find(".rows-space").evaluate("space => space.clientHeight > 2000"))
    one.find(".rows").evaluate("rows => { rows.scrollTop = 300 }")
    expect(one.find(".fresh")).to_be_visible()
    frozen = one.find("#live-15").text_content()
    expect(one.find(".fresh")).to_have_text(re.compile(r"^[\d,]{2,} new ↑$"))
    assert one.find("#live-15").text_content() == frozen
    one.find(".fresh").click()
    expect(one.find(".fresh")).to_be_hidden()


def test_a_trace_is_walked_by_keys(visit: Begin, server: FakeServer) -> None:
    ident = next(event["id"] for event in server.answers.shop.events if event["error"])
    one = visit().go(view="trace", id=ident)
    rows = one.find(".trace-row:visible")
    expect(rows).to_have_count(3)
    press = one.page.keyboard.press
    press("ArrowLeft")
    expect(rows).to_have_count(1)
    expect(rows.first).to_have_attribute("aria-expanded", "false")
    press("ArrowRight")
    expect(rows).to_have_count(3)
    press("ArrowRight")
    expect(one.find(".trace-row[aria-selected=true]")).to_contain_text("request.sql")
    press("Enter")
    expect(one.find(".side header")).to_contain_text("request.sql")
    press("ArrowLeft")
    expect(one.find(".trace-row[aria-selected=true]")).to_contain_text("GET /checkout 500")


def test_everything_has_a_focus_that_is_seen(visit: Begin) -> None:
    one = visit().go()
    expect(one.find(".side .facet").first).to_be_visible()
    seen = set()
    for _ in range(30):
        one.page.keyboard.press("Tab")
        outline = one.page.evaluate(
            """() => {
                const at = document.activeElement;
                const frame = getComputedStyle(at.parentElement).boxShadow !== 'none';
                return [at.tagName + (at.id || at.className), frame || getComputedStyle(at).outlineStyle !== 'none'];
            }"""
        )
        seen.add(outline[0])
        assert outline[1], f"no focus is seen on {outline[0]}"
    assert len(seen) > 8
