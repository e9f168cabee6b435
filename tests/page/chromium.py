"""The browser that the tests run: the system's own Chromium."""

from __future__ import annotations

import importlib.util
import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# as root, as in a container, Chromium's sandbox cannot be had; the pages are ours
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


def program() -> str | None:
    """Its path; $BLUEOX_CHROMIUM names another one. None: there is none."""
    named = os.environ.get("BLUEOX_CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path is not None), None)


def missing() -> str | None:
    """What the tests in a browser lack, and where to get it; None: nothing."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright, which needs Python 3.10"
    return None if program() else "Chromium: apt-get install chromium"
