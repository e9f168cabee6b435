"""`oxctl top` and `oxview --tui` on a real terminal."""

from __future__ import annotations

import pathlib
from typing import Callable

from daemon import Daemon, tool
from events import event, packed, parts
from terminal import terminal
from waiting import wait_for


def test_daemons_types_and_out(start_daemon: Callable[..., Daemon]) -> None:
    one, other = start_daemon(), start_daemon()
    one.push(*(parts("seen", seq) for seq in range(3)))
    other.push(parts("elsewhere", 1))
    hosts = ["-H", one.address("control"), "-H", other.address("control")]
    with terminal("oxctl", "top", *hosts) as screen:
        screen.wait_shown("collector")
        screen.press("2")
        screen.wait_shown("elsewhere")
        screen.wait_shown("seen")
        other.kill()
        screen.wait_shown("connection refused")
        screen.press("q")
        assert screen.wait_exit() == 0


def test_without_a_terminal_it_says_what_to_do(daemon: Daemon) -> None:
    tool("oxctl", "-H", daemon.address("control"), "top", codes=(1,))


def test_oxview_on_the_whole_terminal(daemon: Daemon) -> None:
    with terminal("oxview", "--tui", "-H", daemon.address("control")) as screen:
        screen.wait_shown("no event yet")
        wait_for("the watcher", lambda: daemon.status()["watchers"])
        daemon.push(*(parts("seen", seq) for seq in range(3)))
        screen.wait_shown("3 events")
        screen.press("\r")
        screen.wait_shown('"body"')
        screen.press("q")
        assert screen.wait_exit() == 0


def test_oxview_on_the_whole_terminal_over_files(daemon: Daemon, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "some.log"
    path.write_bytes(b"".join(packed(event("stored", seq)) for seq in range(5)) + b"\xc1")
    with terminal("oxview", "--tui", path) as screen:
        screen.wait_shown("5 events")
        screen.wait_shown("complete")
        screen.press("q")
        assert screen.wait_exit() == 65
        screen.wait_shown("no event in the last 1 bytes")
