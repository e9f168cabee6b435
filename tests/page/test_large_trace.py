"""80,000 events of one id."""

from __future__ import annotations

import random
from typing import Any, Callable

from playwright.sync_api import expect
from waiting import wait_for

from answers import Query, trace_of
from fake_server import FakeServer
from visit import Visit

EVENTS = 80_000
# The aims are 1 s and 100 ms; what is asserted leaves room for a machine that does other things.
OPENS_MILLIS = 30_000
FOLDS_MILLIS = 1_000


def large(rng: random.Random) -> tuple[list[dict[str, Any]], list[int]]:
    """A job with steps, each with queries: three levels and one very deep chain."""
    events: list[dict[str, Any]] = []
    parents: list[int] = []

    def add(kind: str, parent: int, start: float, took: float, failed: bool = False) -> int:
        row = {
            "type": kind,
            "id": "big",
            "host": f"web-{len(events) % 4}",
            "summary": f"step {len(events)}",
            "error": failed,
        }
        events.append(
            {**row, "start": start, "duration": took, "time": start + took, "event": {"type": kind, "id": "big"}}
        )
        parents.append(parent)
        return len(events) - 1

    root = add("job", -1, 0, 100)
    while len(events) < EVENTS - 400:
        at = len(events) / EVENTS * 99
        step = add("job.step", root, at, 0.2)
        for _ in range(199):
            add("job.step.sql", step, at + rng.random() * 0.19, 0.001, rng.random() < 0.0005)
    deep = root
    while len(events) < EVENTS:
        deep = add("job.deep", deep, 99.2, 0.5)
    return events, parents


def test_it_opens_and_folds_at_once(
    visit: Callable[..., Visit], server: FakeServer, measured: Callable[[str], None]
) -> None:
    events, parents = large(random.Random(7))
    answer = {**server.answers.envelope({}, events[:1], "trace/big"), **trace_of(events, parents)}
    server.answers.instead["trace/big"] = lambda _query: answer

    def whole(query: Query) -> Any:
        return {**server.answers.envelope(query, [], "trace/big/event"), "event": {"type": "job", "id": "big", "n": 1}}

    for row, event in enumerate(events):
        if event["error"]:
            server.answers.instead[f"trace/big/event/{row}"] = whole
    one = visit().go()
    expect(one.find(".overview-table tbody tr").first).to_be_visible()
    # from the answer's arrival to the frame that shows it, by the page's own clock
    one.page.evaluate(
        """() => {
            const known = window.fetch;
            window.fetch = async (...args) => {
                const answer = await known(...args);
                if (String(args[0]).includes('trace/big?')) {
                    const text = await answer.text();
                    window.arrived = performance.now();
                    return new Response(text, { status: 200 });
                }
                return answer;
            };
            new MutationObserver((_all, me) => {
                if (document.querySelector('.trace-row') === null) return;
                me.disconnect();
                requestAnimationFrame(() => setTimeout(() => { window.opened = performance.now() - window.arrived; }));
            }).observe(document.body, { subtree: true, childList: true });
        }"""
    )
    one.page.keyboard.press("5")
    one.find("#trace-id").fill("big")
    one.page.keyboard.press("Enter")
    expect(one.find(".trace-row").first).to_be_visible()
    wait_for("the frame that shows it", lambda: one.page.evaluate("window.opened !== undefined"))
    opened = one.page.evaluate("window.opened")
    expect(one.find(".trace-head")).to_contain_text("80,000 events")
    assert one.find(".trace-row").count() < 100, "only rows in sight exist"

    # the row in focus is the first with an error; fold from the root
    one.page.locator(".trace-rows .rows").focus()
    one.page.keyboard.press("Home")
    expect(one.find(".trace-row[aria-selected=true]")).to_contain_text("job")
    folds = [fold(one, key) for key in ("ArrowLeft", "ArrowRight") * 5]
    expect(one.find(".trace-rows [role=treegrid]")).to_have_attribute("aria-rowcount", "80000")
    one.page.keyboard.press("ArrowLeft")
    expect(one.find(".trace-row:visible")).to_have_count(1)
    expect(one.find(".trace-row:visible")).to_contain_text("79,999 events inside")
    one.page.keyboard.press("ArrowRight")
    one.page.keyboard.press("End")
    expect(one.find(".trace-row[aria-selected=true]")).to_contain_text("job.deep")
    one.page.keyboard.press("e")
    expect(one.find(".trace-row[aria-selected=true]")).to_contain_text("▲")
    measured(f"a trace of 80,000 events: shown {opened:.0f} ms after its answer, folded in {max(folds):.0f} ms at most")
    assert opened < OPENS_MILLIS
    # the machine may stand still for one of them, not for half
    assert sorted(folds)[len(folds) // 2] < FOLDS_MILLIS


def fold(one: Visit, key: str) -> float:
    """Milliseconds from the key to the frame after it."""
    took: float = one.page.evaluate(
        """(key) => new Promise((done) => {
            const begun = performance.now();
            const press = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(press);
            requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
        })""",
        key,
    )
    return took
