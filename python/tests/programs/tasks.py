"""What the Celery worker runs."""

import os
import time

import numbered
from celery import Celery

import blueox
import blueox.contrib.celery

numbered.configure()
numbered.record(100)

folder = os.environ["CELERY_FOLDER"]
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "processed_folder": folder,
        "control_folder": folder,
        "polling_interval": 0.05,
    },
    worker_max_tasks_per_child=1 if os.environ.get("CELERY_FORKS") else None,
    worker_concurrency=5,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def record(count: int) -> None:
    """Lets other tasks run in between: in a pool of greenlets they share the thread."""
    with blueox.Context("around") as context:
        time.sleep(0)
        is_own = blueox.current_context() is context
        numbered.record(count)
        time.sleep(0)
        blueox.set("is_own", is_own and blueox.current_context() is context)
