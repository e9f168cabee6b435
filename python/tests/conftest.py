"""What all tests use: the peers' daemon, and a start outside of any context."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest

import blueox

PEERS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "peers"
sys.path.insert(0, str(PEERS))

import daemon as peers  # noqa: E402


@pytest.fixture(autouse=True)
def outside() -> Iterator[None]:
    """Each test begins and ends outside of any context, with nothing configured."""
    blueox.clear_contexts()
    yield
    blueox.clear_contexts()
    blueox.shutdown(0)
    blueox.configure(None)


@pytest.fixture
def oxd(tmp_path: pathlib.Path) -> Iterator[peers.Daemon]:
    """A daemon of our own, with day files."""
    started = peers.Daemon(tmp_path / "oxd")
    try:
        yield started.wait_ready()
        started.stop()
    finally:
        started.kill()
