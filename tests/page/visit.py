"""One person's look at the page: a browser's window, what it complained of, and the ways tests ask it."""

from __future__ import annotations

import urllib.parse
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Locator, Page, expect
from waiting import wait_for

PATIENCE_MILLIS = 60_000.0
expect.set_options(timeout=PATIENCE_MILLIS)

# 1.4.3 and whatever else of WCAG 2.2 AA axe can judge, and its own good practice
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Visit:
    def __init__(self, browser: Browser, base: str, theme: str = "light", width: int = 1440, height: int = 900) -> None:
        self.base = base
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            accept_downloads=True,
        )
        self.context.set_default_timeout(PATIENCE_MILLIS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        # on a machine with other load `oxview web` may be busy; the page asks again, and the browser remarks on it
        if message.type in ("error", "warning") and "status of 503" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def go(self, **place: Any) -> Visit:
        """Opens a place by its URL."""
        query = urllib.parse.urlencode({name: value for name, value in place.items() if value != ""}, doseq=True)
        self.page.goto(f"{self.base}?{query}" if query else self.base)
        # the browser's load event comes before the server's first answer, and only then are keys heard
        self.find(".page, .gate").first.wait_for()
        return self

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def place(self) -> dict[str, list[str]]:
        return urllib.parse.parse_qs(urllib.parse.urlparse(self.page.url).query)

    def expect_place(self, **wanted: str | None) -> None:
        """Waits until the URL has these; None: not at all."""

        def is_there() -> bool:
            # the browser's news come with its answers
            self.page.wait_for_timeout(20)
            here = self.place()
            return all(here.get(name) == (None if value is None else [value]) for name, value in wanted.items())

        wait_for(f"the place {wanted}", is_there)

    def violations(self) -> list[str]:
        """What axe finds: rule, what is wrong, and where."""
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}}
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{rule['id']}: {node['target']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    def devtools(self) -> CDPSession:
        return self.context.new_cdp_session(self.page)

    def close(self) -> None:
        self.context.close()
