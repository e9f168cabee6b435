"""`blueox.contrib.celery`: a worker in a thread of this process, with a broker in memory.

A real worker with forked children runs in test_examples.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import celery
import pytest
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore
from waiting import wait_for

import blueox
import blueox.contrib.celery
from blueox.contrib.celery import celery_signals
from blueox.testing import Capture, CapturedEvent

SECONDS = 120

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.update(task_default_retry_delay=0, worker_hijack_root_logger=False, task_store_eager_result=True)


@app.task
def charge(cart: int, password: str = "") -> int:
    blueox.set("cart", cart)
    with blueox.Context(".sql"):
        blueox.set("query", "UPDATE carts")
    return cart


@app.task
def broken() -> None:
    raise ZeroDivisionError("no cart")


@app.task
def ignored() -> None:
    raise Ignore


@app.task(bind=True, max_retries=1)
def flaky(self: Any) -> str:
    if self.request.retries == 0:
        raise self.retry(exc=OSError("busy"), countdown=0)
    return "done"


@app.task
def outer(cart: int) -> None:
    charge.delay(cart)


@pytest.fixture(scope="module")
def worker() -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=SECONDS):
        yield


def finished(events: Capture, count: int) -> list[CapturedEvent]:
    """A task's event is recorded after its result is there."""
    wait_for(f"{count} tasks", lambda: len(events.of("celery.task")) >= count, SECONDS)
    found = events.of("celery.task")
    assert len(found) == count
    return found


@pytest.mark.usefixtures("worker")
def test_the_id_is_carried_from_sender_to_worker(blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        result = charge.delay(7, password="secret")
    assert result.get(timeout=SECONDS) == 7
    (task,) = finished(blueox_events, 1)
    assert task.id == request.id
    assert task["parent"] == request.span
    body = task.body
    assert body["task"] == "test_celery.charge"
    assert body["task_id"] == result.id
    assert body["args"] == [7]
    assert body["kwargs"] == {"password": "[scrubbed]"}
    assert body["retries"] == 0
    assert body["cart"] == 7
    assert body["result_state"] == "SUCCESS"
    sql, sent = blueox_events.one("celery.task.sql"), blueox_events.one("request.celery.task_sent")
    assert sql.id == request.id
    assert sql["parent"] == task["span"]
    assert sent.id == request.id
    assert sent.body["task_id"] == result.id
    assert sent.body["task"] == "test_celery.charge"


@pytest.mark.usefixtures("worker")
def test_a_task_that_nobody_in_particular_sends(blueox_events: Capture) -> None:
    charge.delay(7).get(timeout=SECONDS)
    charge.delay(8).get(timeout=SECONDS)
    first, second = finished(blueox_events, 2)
    assert first.id != second.id


@pytest.mark.usefixtures("worker")
def test_a_failure(blueox_events: Capture) -> None:
    with pytest.raises(ZeroDivisionError):
        broken.delay().get(timeout=SECONDS)
    (task,) = finished(blueox_events, 1)
    assert task.body["exception"]["message"] == "no cart"
    assert task.body["result_state"] == "FAILURE"


@pytest.mark.usefixtures("worker")
def test_each_attempt_is_an_event(blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        result = flaky.delay()
    assert result.get(timeout=SECONDS) == "done"
    first, second = finished(blueox_events, 2)
    assert (first.body["result_state"], first.body["retries"]) == ("RETRY", 0)
    assert (second.body["result_state"], second.body["retries"]) == ("SUCCESS", 1)
    assert first.body["exception"]["message"] == "busy"
    assert first.id == second.id == request.id
    assert second["parent"] == first["span"]


@pytest.mark.usefixtures("worker")
def test_tasks_that_send_tasks_share_the_id(blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        outer.delay(9)
    first, second = finished(blueox_events, 2)
    assert {first.id, second.id} == {request.id}
    names = {event["span"]: event.body["task"] for event in (first, second)}
    by_name = {event.body["task"]: event for event in (first, second)}
    assert names[by_name["test_celery.charge"]["parent"]] == "test_celery.outer"


@pytest.mark.usefixtures("worker")
def test_an_id_of_the_applications_own(blueox_events: Capture) -> None:
    with blueox.Context("job", id="cart-7"):
        charge.delay(7).get(timeout=SECONDS)
    (task,) = finished(blueox_events, 1)
    assert task.id == "cart-7"


@pytest.mark.usefixtures("worker")
def test_a_traceparent_of_somebody_else(blueox_events: Capture) -> None:
    header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    charge.apply_async((7,), headers={"traceparent": header}).get(timeout=SECONDS)
    (task,) = finished(blueox_events, 1)
    assert task.id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert task["parent"] == "00f067aa0ba902b7"


@pytest.mark.usefixtures("worker")
def test_a_task_that_is_ignored_ends(blueox_events: Capture) -> None:
    ignored.delay()
    (task,) = finished(blueox_events, 1)
    assert task.body["result_state"] == "IGNORED"
    assert "exception" not in task.body


def test_a_task_in_its_sender_is_a_child(blueox_events: Capture) -> None:
    with blueox.Context("request") as request:
        charge.apply((7,))
    task = blueox_events.one("request.celery.task")
    assert task.id == request.id
    assert task["parent"] == request.span
    assert blueox.current_context() is None


def test_a_task_that_is_called_is_no_task(blueox_events: Capture) -> None:
    charge(7)
    assert blueox_events.types == ["sql"]


def test_settings(blueox_events: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(blueox, "default_configure", calls.append)
    monkeypatch.setitem(app.conf, "BLUEOX_NAME", "shop")
    monkeypatch.setitem(app.conf, "BLUEOX_HOST", "collector:3514")
    app.set_current()
    charge.apply((7,))
    assert blueox_events.of("shop.celery.task")
    celery_signals.on_worker_init()
    assert calls == ["collector:3514"]


def test_threads_do_not_mix(blueox_events: Capture) -> None:
    def run(n: int) -> None:
        with blueox.Context("request"):
            blueox.set("n", n)
            charge.apply((n,))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    requests = {event.id: event.body["n"] for event in blueox_events.of("request")}
    carts = {event.id: event.body["cart"] for event in blueox_events.of("request.celery.task")}
    assert carts == requests
    assert len(requests) == 8
