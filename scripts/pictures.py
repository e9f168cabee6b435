#!/usr/bin/env python3
"""Takes the README's pictures of the page over `oxview demo`, so that they stay true: `make pictures`."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "page"))

import chromium
from playwright.sync_api import Browser, Page, expect, sync_playwright

TOP = pathlib.Path(__file__).resolve().parents[1]
PICTURES = TOP / "docs" / "pictures"
PATIENCE_MILLIS = 60_000.0
# what the demo shows is then the same but for the times
SEED = 7
SIZE = (1280, 800)


def take(page: Page, name: str) -> None:
    # charts are drawn in the frame after their numbers
    page.wait_for_timeout(1_000)
    page.mouse.move(0, 0)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"{name}.png")


def tour(page: Page) -> None:
    """The way from the first look to the cause, as one clicks it."""
    expect(page.locator(".overview-table tbody tr").first).to_be_visible()
    expect(page.locator(".side .facet").first).to_be_visible()
    take(page, "overview")
    page.get_by_role("button", name="Show on the heatmap").click()
    page.get_by_role("button", name=re.compile("Compare the")).click()
    expect(page.locator(".compared").first).to_be_visible()
    take(page, "compare")
    page.get_by_role("button", name="Slowest trace in the box").click()
    expect(page.locator(".trace-row").first).to_be_visible()
    expect(page.locator(".side .line").first).to_be_visible()
    take(page, "trace")


def live(page: Page) -> None:
    page.keyboard.press("2")
    expect(page.locator(".live-row:visible").nth(25)).to_be_visible()
    take(page, "live")


def wait_for_past(url: str) -> None:
    """Until the shop's 15 minutes are there: 20 requests a second."""
    for _ in range(120):
        with urllib.request.urlopen(f"{url}api/v1/overview?type=request", timeout=60) as answer:
            if sum(row["count"] for row in json.load(answer)["rows"]) > 17_000:
                return
        time.sleep(0.5)


def visit(browser: Browser, url: str, theme: str) -> Page:
    context = browser.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="dark" if theme == "dark" else "light"
    )
    context.set_default_timeout(PATIENCE_MILLIS)
    page = context.new_page()
    page.goto(url)
    return page


def main() -> int:
    expect.set_options(timeout=PATIENCE_MILLIS)
    PICTURES.mkdir(exist_ok=True)
    program = pathlib.Path(os.environ.get("BLUEOX_BIN_DIR", TOP / "target" / "debug")) / "oxview"
    command = [str(program), "demo", "--seed", str(SEED), "--listen", "127.0.0.1:0"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        found = next((re.search(r"http://127\.0\.0\.1:\d+/", line) for line in demo.stdout if "http://" in line), None)
        assert found is not None, "the demo ended before it named its address"
        wait_for_past(found[0])
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium.program(), args=chromium.ARGUMENTS)
            tour(visit(browser, found[0], "light"))
            live(visit(browser, found[0], "dark"))
            browser.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
