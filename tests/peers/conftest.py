"""Fixtures of the peer tests, and the last lines of their report."""

from __future__ import annotations

import os
import pathlib
import random
import sys
from collections.abc import Iterator
from typing import Callable

import pytest

import originals
import s3_server
from daemon import Daemon

NEED_ORIGINAL = ["test_original_clients.py", "test_original_tools.py"]
NEEDS_S3 = "test_oxstore_s3.py"
MEASURED = pytest.StashKey[list[str]]()

# without the original there is nothing to collect there; the report's last lines say so
collect_ignore = [] if originals.versions() else list(NEED_ORIGINAL)
# requirements.txt has the engines for these
HAS_ENGINES = sys.version_info >= (3, 11)
collect_ignore += [] if HAS_ENGINES else ["test_engines.py"]
# the server takes minutes to build: `make test-s3` does, and collects it
collect_ignore += [] if s3_server.SERVER.exists() else [NEEDS_S3]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = []


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "daemon"


@pytest.fixture
def start_daemon(base: pathlib.Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with arguments of the test's own; all are stopped by SIGTERM, and have to leave with code 0."""
    daemons: list[Daemon] = []

    def start(*args: str, open_files: int | None = None, logs: bool = True, name: str = "") -> Daemon:
        """`name`: its directory, that of an earlier one which has ended; none: a new one."""
        directory = base if not daemons else base.with_name(f"daemon-{len(daemons)}")
        daemon = Daemon(base.with_name(name) if name else directory, *args, open_files=open_files, logs=logs)
        daemons.append(daemon)
        return daemon.wait_ready()

    try:
        yield start
        for daemon in daemons:
            if daemon.killed:
                continue
            if daemon.process.poll() is None:
                daemon.stop()
            else:
                daemon.wait_exit()
    finally:
        for daemon in daemons:
            daemon.kill()


@pytest.fixture
def daemon(start_daemon: Callable[..., Daemon]) -> Daemon:
    return start_daemon()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers; the seed is printed at the end of the run, and BLUEOX_TEST_SEED repeats it."""
    seed = int(os.environ.get("BLUEOX_TEST_SEED", random.SystemRandom().randrange(2**32)))
    request.config.stash[MEASURED].append(f"{request.node.name}: BLUEOX_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Numbers that are shown at the end and judged by nobody."""
    return request.config.stash[MEASURED].append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[MEASURED]:
        terminalreporter.write_line(f"measured: {line}")
    absent = [version for version in originals.VERSIONS if version not in originals.versions()]
    if absent:
        what = " and ".join(f"the original {version}" for version in absent)
        files = f" ({', '.join(NEED_ORIGINAL)})" if not originals.versions() else ""
        terminalreporter.write_line(
            f"not run: the tests with {what}{files}; they need Python 2.7 and tests/peers/setup.sh"
        )
    if not HAS_ENGINES:
        what = "the tests with Polars, pandas and pyarrow (test_engines.py)"
        terminalreporter.write_line(f"not run: {what}; they need Python 3.11")
