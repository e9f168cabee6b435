"""Fixtures of the page's tests: a server with made-up events, a browser, visits that end without complaints."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Callable

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))

import chromium
from fake_server import FakeServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from visit import Visit

MEASURED = pytest.StashKey[list[str]]()
# what needs no browser
WITHOUT = ["test_api.py", "test_built.py", "test_demo_processes.py"]
HERE = pathlib.Path(__file__).parent

# without a browser there is nothing to collect here; the report's last lines say so
collect_ignore = (
    [path.name for path in HERE.glob("test_*.py") if path.name not in WITHOUT] if chromium.missing() else []
)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    path = chromium.program()
    assert path is not None
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=chromium.ARGUMENTS, timeout=120_000)
        yield started
        started.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    served = FakeServer()
    yield served
    served.close()


@pytest.fixture
def visit(browser: Browser, server: FakeServer) -> Iterator[Callable[..., Visit]]:
    """Opens windows; at the end none of them may have complained of anything."""
    from visit import Visit

    visits: list[Visit] = []

    def begin(theme: str = "light", width: int = 1440, height: int = 900, base: str = "") -> Visit:
        visits.append(Visit(browser, base or server.url, theme, width, height))
        return visits[-1]

    yield begin
    complaints = [complaint for one in visits for complaint in one.complaints]
    for one in visits:
        one.close()
    assert complaints == []


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Numbers that are shown at the end."""
    return request.config.stash[MEASURED].append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[MEASURED]:
        terminalreporter.write_line(f"measured: {line}")
    if collect_ignore:
        terminalreporter.write_line(
            f"not run: the page in a browser ({', '.join(collect_ignore)}); there is no {chromium.missing()}"
        )
