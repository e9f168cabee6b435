"""`blueox.LogHandler`."""

from __future__ import annotations

import logging
import logging.config
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import daemon as peers
import pytest
from waiting import wait_for

import blueox
from blueox.testing import Capture


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.Logger("shop.cart")
    logger.addHandler(blueox.LogHandler())
    yield logger
    logger.handlers.clear()


def test_a_record_is_an_event(log: logging.Logger, blueox_events: Capture) -> None:
    log.warning("%d items for %s", 3, "anna")
    event = blueox_events.one("log")
    assert event["body"] == {"name": "shop.cart", "level": "WARNING", "msg": "3 items for anna"}


def test_it_belongs_to_the_context_around_it(log: logging.Logger, blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        log.info("paid")
    assert blueox_events.types == ["request.log", "request"]
    assert blueox_events.one("request.log")["id"] == request.id


def test_a_type_of_its_own(blueox_events: Capture) -> None:
    logger = logging.Logger("shop")
    logger.addHandler(blueox.LogHandler("audit"))
    logger.info("paid")
    assert blueox_events.types == ["audit"]


def test_an_exception_is_recorded(log: logging.Logger, blueox_events: Capture) -> None:
    try:
        raise KeyError("sku")
    except KeyError:
        log.exception("no such item")
    exception = blueox_events.one("log")["body"]["exception"]
    assert exception["type"].endswith("KeyError")
    assert "sku" in exception["message"]
    assert "test_logger.py" in exception["traceback"]


def test_exc_info_outside_of_an_exception_is_nothing(log: logging.Logger, blueox_events: Capture) -> None:
    log.error("odd", exc_info=True)
    assert "exception" not in blueox_events.one("log")["body"]


def test_extra_and_stack_are_kept(log: logging.Logger, blueox_events: Capture) -> None:
    log.info("paid", extra={"cart": 7}, stack_info=True)
    body = blueox_events.one("log")["body"]
    assert body["extra"] == {"cart": 7}
    assert "test_logger.py" in body["stack"]


def test_arguments_that_do_not_fit_cost_nothing_else(log: logging.Logger, blueox_events: Capture) -> None:
    log.info("%d items", "three")
    body = blueox_events.one("log")["body"]
    assert body["msg"] == "%d items"
    assert body["level"] == "INFO"


def test_a_value_that_logs_while_it_is_formatted_does_not_recurse(log: logging.Logger, blueox_events: Capture) -> None:
    class Chatty:
        def __str__(self) -> str:
            log.info("I am shown: %s", self)
            return "chatty"

    log.info("here is %s", Chatty())
    body = blueox_events.one("log")["body"]
    assert body["msg"] == "here is chatty"
    assert body["suppressed"] == 1


def test_a_recorder_that_logs_does_not_recurse(log: logging.Logger) -> None:
    taken = []

    def recorder(context: blueox.Context) -> None:
        taken.append(context.name)
        log.info("recorded")

    blueox.configure(None, None, recorder)
    try:
        log.info("once")
    finally:
        blueox.configure(None, None)
    assert taken == ["log"]


def test_our_own_loggers_are_left_to_others_and_names_like_ours_are_not(blueox_events: Capture) -> None:
    handler = blueox.LogHandler()
    for name in ("blueox", "blueox.transport", "blueoxshop"):
        handler.handle(logging.makeLogRecord({"name": name, "msg": "x", "levelname": "INFO"}))
    assert [event["body"]["name"] for event in blueox_events.of("log")] == ["blueoxshop"]


def test_filters_and_levels_count(log: logging.Logger, blueox_events: Capture) -> None:
    handler = log.handlers[0]
    handler.setLevel(logging.ERROR)
    handler.addFilter(lambda record: "quiet" not in record.msg)
    log.info("low")
    log.error("quiet one")
    log.error("loud one")
    assert [event["body"]["msg"] for event in blueox_events.of("log")] == ["loud one"]


def test_dict_config(blueox_events: Capture) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"blueox": {"class": "blueox.LogHandler", "level": "INFO", "type_name": "app.log"}},
            "loggers": {"configured.by.dict": {"handlers": ["blueox"], "level": "DEBUG", "propagate": False}},
        }
    )
    logger = logging.getLogger("configured.by.dict")
    try:
        logger.debug("low")
        logger.info("high")
    finally:
        logger.handlers.clear()
    assert blueox_events.one("app.log")["body"]["msg"] == "high"


def test_no_lock_is_held_while_a_value_formats_itself(log: logging.Logger, blueox_events: Capture) -> None:
    """A value that waits for another thread that logs: with the standard handler's lock both would wait for ever."""

    class Waiting:
        def __str__(self) -> str:
            other = threading.Thread(target=log.info, args=("from the other thread",), daemon=True)
            other.start()
            other.join(60)
            assert not other.is_alive(), "the other thread waits for the handler"
            return "done"

    log.info("waiting: %s", Waiting())
    assert sorted(event["body"]["msg"] for event in blueox_events.of("log")) == [
        "from the other thread",
        "waiting: done",
    ]


FORKING = """
import logging, os, threading
import blueox

blueox.default_configure()
logging.getLogger().addHandler(blueox.LogHandler())
stop = threading.Event()

def chatter():
    while not stop.is_set():
        logging.getLogger("chatter").info("not recorded: the level is WARNING")
        logging.getLogger("other").warning("from the thread")

thread = threading.Thread(target=chatter)
thread.start()
children = []
for n in range(20):
    child = os.fork()
    if child == 0:
        logging.warning("child %d", n)
        raise SystemExit
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
logging.warning("parent")
"""


def test_children_that_are_forked_while_a_thread_logs(oxd: peers.Daemon) -> None:
    """The original's were silent. A lock that the thread held at the fork would stop them for ever."""
    env = {**os.environ, "BLUEOX_HOST": oxd.address("collection")}
    subprocess.run([sys.executable, "-c", FORKING], env=env, check=True, timeout=120)
    oxd.wait_stored("log", 21, 60)

    def said() -> list[tuple[str, int]]:
        events = oxd.logs.events("log")
        return [(event["body"]["msg"], event["pid"]) for event in events if event["body"]["name"] == "root"]

    wait_for("the events of all processes", lambda: len(said()) >= 21, 60)
    assert sorted(message for message, _ in said()) == sorted([*(f"child {n}" for n in range(20)), "parent"])
    assert len({pid for _, pid in said()}) == 21
