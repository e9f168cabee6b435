"""The page in front of the real `oxview web` and a real `oxd`: what is promised of one is true of both."""

from __future__ import annotations

import json
import pathlib
import shlex
import urllib.request
from collections.abc import Iterator
from typing import Callable

import pytest
from daemon import Daemon, tool
from playwright.sync_api import expect
from waiting import PATIENCE, wait_for

from page_server import PageServer
from shop import Shop
from visit import Visit

Begin = Callable[..., Visit]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    started = Daemon(tmp_path_factory.mktemp("page") / "daemon")
    try:
        started.wait_ready()
        lines = "\n".join(json.dumps(event["event"]) for event in Shop().events)
        status, body = started.http("collection", "POST", "/v1/events", lines.encode())
        assert status == 200, body
        yield started
        started.stop()
    finally:
        started.kill()


@pytest.fixture(scope="module")
def served(daemon: Daemon) -> Iterator[str]:
    control = "{}:{}".format(*daemon.tcp("control"))
    server = PageServer(daemon.base, "web", "-l", "logs", "-H", control)
    try:
        yield server.url
        server.stop()
    finally:
        server.kill()


def test_the_cause_of_an_incident_is_found_by_clicking(visit: Begin, served: str) -> None:
    one = visit(base=served).go()
    failing = one.find(".overview-table tr").filter(has=one.page.get_by_role("button", name="request", exact=True))
    expect(failing.locator(".mark")).to_have_text("▲")
    expect(one.find(".alarm")).to_contain_text("request errors rose from")
    one.button("Show on the heatmap").click()
    one.button("Compare the errors").click()
    said = one.find(".headline")
    for cause in ('path = "/checkout"', 'version = "2.8.1"', 'host = "web-3"'):
        expect(said).to_contain_text(cause)
    one.button("Slowest trace in the box").click()
    expect(one.find(".trace-head h2")).to_contain_text("/checkout")
    expect(one.find(".trace-row:visible")).to_have_count(3)
    expect(one.find(".side .line").first).to_be_visible()


def test_every_view_answers_without_complaint(visit: Begin, served: str, measured: Callable[[str], None]) -> None:
    one = visit("dark", base=served)
    for place, seen in (
        ({}, ".overview-table tbody tr"),
        ({"view": "heatmap", "type": "request"}, ".heat-chart .ramp"),
        ({"view": "breakdown", "by": ["path", "host"], "type": "request"}, ".breakdown-table tbody tr"),
        ({"view": "trace"}, ".trace-list tbody tr"),
    ):
        one.go(**place)
        expect(one.find(seen).first).to_be_visible()
        expect(one.find(".side .facet").first).to_be_visible()
        expect(one.find(".receipt:visible").first).to_contain_text("read")
        expect(one.find(".failing")).to_have_count(0)
    # the API's commands are said where they are copied
    expect(one.button("Copy as curl").first).to_be_visible()
    slowest = one.page.evaluate(
        """() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/'))
            .map((one) => one.duration).reduce((a, b) => Math.max(a, b), 0)"""
    )
    measured(f"the slowest answer of oxview web to the list of traces and its fields: {slowest:.0f} ms")


def test_events_appear_live_and_a_hostile_one_is_text(visit: Begin, served: str, daemon: Daemon) -> None:
    one = visit(base=served).go(view="live")
    expect(one.find(".live-head")).to_contain_text("watching")
    text = "<img src=x onerror=alert(1)>"
    event = {"type": text, "id": "feedfacecafe", "host": text, "body": {"msg": text, text: text}}

    def appears() -> bool:
        # the daemon may begin to show a moment after the server has begun to watch
        status, _ = daemon.http("collection", "POST", "/v1/events", json.dumps(event).encode())
        assert status == 200
        one.page.wait_for_timeout(500)
        return one.find(".live-row:visible").count() > 0

    wait_for("the event to appear live", appears)
    expect(one.find("#live-0")).to_contain_text(text)
    one.find("#live-0").click()
    expect(one.find(".side .line").filter(has_text=text).first).to_be_visible()
    assert one.find("body img").count() == 0
    one.button("Open trace").click()
    expect(one.find(".trace-row").first).to_contain_text(text)
    assert one.find("body img").count() == 0


def test_a_token_lets_in_by_the_address_and_by_hand(visit: Begin, daemon: Daemon) -> None:
    token = "correct-horse-battery-staple-0123456789"
    (daemon.base / "token").write_text(f"{token}\n")
    (daemon.base / "token").chmod(0o600)
    server = PageServer(daemon.base, "web", "-l", "logs", "--token-file", "token")
    try:
        by_address = visit(base=f"{server.url}#token={token}").go()
        expect(by_address.find(".overview-table tbody tr").first).to_be_visible()
        assert "token" not in by_address.page.url, "the token stays in no history"
        by_hand = visit(base=server.url).go()
        by_hand.find("#token").fill("wrong")
        by_hand.button("Enter").click()
        expect(by_hand.find("[role=alert]")).to_have_text("That is not the token.")
        by_hand.find("#token").fill(token)
        by_hand.button("Enter").click()
        expect(by_hand.find(".overview-table tbody tr").first).to_be_visible()
        by_hand.complaints[:] = [one for one in by_hand.complaints if "status of 401" not in one]
        server.stop()
    finally:
        server.kill()


def test_a_mistake_in_the_filter_is_underlined_and_mended(visit: Begin, served: str) -> None:
    one = visit(base=served).go(type="request")
    one.find("#filter").fill("duration > 250msec")
    one.page.keyboard.press("Enter")
    expect(one.find("#mistake b")).to_have_text("250msec")
    one.button("use 250ms").click()
    expect(one.find("#filter")).to_have_value("duration > 250ms")
    expect(one.find("#mistake")).to_be_hidden()
    expect(one.find(".overview-table tbody tr")).to_have_count(1)
    one.complaints[:] = [complaint for complaint in one.complaints if "status of 400" not in complaint]


def test_what_the_server_offers_to_copy_can_be_run(
    visit: Begin, served: str, daemon: Daemon, tmp_path: pathlib.Path
) -> None:
    one = visit(base=served)
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.go(type="request")
    expect(one.find(".receipt:visible")).to_contain_text("read")
    one.button("Copy as curl").click()
    expect(one.find(".notice")).to_contain_text("Copied: curl")
    copied = one.page.evaluate("navigator.clipboard.readText()")
    name, flag, url = shlex.split(copied)
    assert (name, flag) == ("curl", "-s"), copied
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert [row["type"] for row in json.load(answer)["rows"]] == ["request"]
    one.button("Copy as oxview").click()
    expect(one.find(".notice")).to_contain_text("Copied: oxview")
    name, *words = shlex.split(one.page.evaluate("navigator.clipboard.readText()"))
    assert name == "oxview"
    words[words.index("-l") + 1] = str(daemon.base / "logs")
    assert tool("oxview", *words)
