"""Connects to Celery's signals when it is imported, as the original's module of this name did.

The sender's context goes along in the message's header `blueox_traceparent` (an id of the application's own that fits into
none: `blueox_id`). The header's name is BlueOx's own, so that another tracer's `traceparent` in the same message stays what
it is; where only that one is there, the worker goes on with it.
"""

from __future__ import annotations

import sys
from typing import Any

import celery
from celery import signals, states

import blueox
from blueox.contrib.destination import UNSET, configure_from, prefixed

__all__: list[str] = []

TRACEPARENT_HEADER = "blueox_traceparent"
ID_HEADER = "blueox_id"

# A worker that ends waits so long at most for events that are on their way.
FLUSH_SECONDS = 2.0


def _setting(name: str) -> Any:
    """The Celery application's, else that of the Django project around it."""
    configured = celery.current_app.conf.get(name, UNSET)
    django_conf = sys.modules.get("django.conf")
    if configured is UNSET and django_conf is not None and django_conf.settings.configured:
        return getattr(django_conf.settings, name, UNSET)
    return configured


def _name(name: str) -> str:
    prefix = _setting("BLUEOX_NAME")
    return prefixed(None if prefix is UNSET else prefix, name)


@signals.before_task_publish.connect(weak=False, dispatch_uid="blueox.before_task_publish")
def on_task_publish(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Sends the current context along."""
    context = blueox.current_context()
    if headers is None or context is None:
        return
    for name in (TRACEPARENT_HEADER, ID_HEADER):
        headers.pop(name, None)  # a retry brings those of the first sender
    if context.traceparent is not None:
        headers[TRACEPARENT_HEADER] = context.traceparent
    elif context.id is not None:
        headers[ID_HEADER] = context.id


@signals.after_task_publish.connect(weak=False, dispatch_uid="blueox.after_task_publish")
def on_task_sent(headers: dict[str, Any] | None = None, body: Any = None, **_: Any) -> None:
    """Records that a task was sent."""
    fields = headers if headers and "task" in headers else body
    if not isinstance(fields, dict):
        return
    with blueox.Context(".celery.task_sent"):
        blueox.set("task_id", fields.get("id"))
        blueox.set("task", fields.get("task"))
        blueox.set("eta", fields.get("eta"))


@signals.worker_init.connect(weak=False, dispatch_uid="blueox.worker_init")
@signals.worker_process_init.connect(weak=False, dispatch_uid="blueox.worker_process_init")
def on_worker_init(**_: Any) -> None:
    """Configures a worker as its application says."""
    configure_from(_setting("BLUEOX_HOST"))


@signals.worker_process_shutdown.connect(weak=False, dispatch_uid="blueox.worker_process_shutdown")
@signals.worker_shutdown.connect(weak=False, dispatch_uid="blueox.worker_shutdown")
def on_worker_shutdown(**_: Any) -> None:
    """Sends what is on its way."""
    blueox.flush(FLUSH_SECONDS)


@signals.task_prerun.connect(weak=False, dispatch_uid="blueox.task_prerun")
def on_task_prerun(
    task_id: Any = None, task: Any = None, args: Any = None, kwargs: dict[str, Any] | None = None, **_: Any
) -> None:
    """Opens the task's context."""
    request = task.request
    context = blueox.Context(_name("celery.task"), **_origin(request))
    request.blueox = context
    context.start()
    context.set("task", task.name)
    context.set("retries", request.retries)
    context.set("expires", request.expires)
    context.set("delivery_info", request.delivery_info)
    context.set("task_id", str(task_id))
    context.set("args", args)
    context.set("kwargs", kwargs)


def _origin(request: Any) -> dict[str, Any]:
    """Who sent the task. One that runs in its sender is a child of the current context as it is."""
    if getattr(request, "called_directly", False) or getattr(request, "is_eager", False):
        return {}
    traceparent = getattr(request, TRACEPARENT_HEADER, None)
    own_id = getattr(request, ID_HEADER, None)
    if traceparent is None and own_id is not None:
        return {"id": own_id}
    return {"traceparent": traceparent or getattr(request, "traceparent", None)}


@signals.task_failure.connect(weak=False, dispatch_uid="blueox.task_failure")
def on_task_failure(sender: Any = None, exception: BaseException | None = None, **_: Any) -> None:
    """Records what a task raised."""
    context = _context_of(sender)
    if context is not None and exception is not None:
        context.record_exception(exception)


@signals.task_retry.connect(weak=False, dispatch_uid="blueox.task_retry")
def on_task_retry(request: Any = None, reason: Any = None, **_: Any) -> None:
    """Records why a task is tried again: the attempt failed."""
    context: blueox.Context | None = getattr(request, "blueox", None)
    if context is None:
        return
    context.set("result_state", states.RETRY)
    cause = getattr(reason, "exc", None) or reason
    if isinstance(cause, BaseException):
        context.record_exception(cause)


@signals.task_postrun.connect(weak=False, dispatch_uid="blueox.task_postrun")
def on_task_postrun(task: Any = None, state: Any = None, **_: Any) -> None:
    """Ends the task's event."""
    context = _context_of(task)
    if context is not None:
        context.set("result_state", str(state))
        context.done()


def _context_of(task: Any) -> blueox.Context | None:
    context: blueox.Context | None = getattr(getattr(task, "request", None), "blueox", None)
    return context
