"""The fixture `blueox_events`: what a test would have sent. Loaded by pytest where the package is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._core import swap
from .testing import Capture, capture


@pytest.fixture
def blueox_events() -> Iterator[Capture]:
    """Captures the test's events; the test begins outside of any context."""
    before = swap(None)
    try:
        with capture() as events:
            yield events
    finally:
        swap(before)
