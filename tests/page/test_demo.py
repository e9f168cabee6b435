"""`oxview demo` as somebody sees it who has just typed the README's first command."""

from __future__ import annotations

import json
import pathlib
import time
import urllib.request
from typing import Callable

from playwright.sync_api import expect
from waiting import PATIENCE, wait_for

from page_server import PageServer
from visit import Visit

# 15 minutes of 20 a second, and some that come too late to be waited for
PAST_REQUESTS = 17_000


def requests(url: str) -> float:
    with urllib.request.urlopen(f"{url}api/v1/overview?type=request", timeout=60) as answer:
        rows = json.load(answer)["rows"]
    return float(sum(row["count"] for row in rows))


def test_the_demo_is_alive_and_its_incident_has_a_cause(
    visit: Callable[..., Visit], tmp_path: pathlib.Path, measured: Callable[[str], None]
) -> None:
    begun = time.monotonic()
    demo = PageServer(tmp_path, "demo", "--seed", "7")
    try:
        one = visit(base=demo.url).go()
        rows = one.find(".overview-table tbody tr")
        expect(rows.first).to_be_visible()
        measured(f"the demo shows data {time.monotonic() - begun:.1f} s after its start")
        # what one sees before the past is all there is seen again with more of it
        wait_for("the shop's past", lambda: requests(demo.url) > PAST_REQUESTS, 3 * PATIENCE)
        one.go(type="request")
        one.button("Show on the heatmap").click()
        one.find(".heat-chart figcaption button:visible").click()
        # which version and host these are is the seed's; that they are named is the page's
        expect(one.find(".headline")).to_contain_text('version = "')
        expect(one.find(".headline")).to_contain_text('host = "web-')
        one.button("Slowest trace in the box").click()
        expect(one.find(".trace-row").nth(1)).to_be_visible()
        expect(one.find(".side .line").first).to_be_visible()
        one.page.keyboard.press("2")
        expect(one.find(".live-row:visible").nth(5)).to_be_visible()
        demo.stop()
    finally:
        demo.kill()
