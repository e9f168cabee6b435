"""What the Celery worker runs."""

import os

import numbered
from celery import Celery

numbered.configure()
numbered.record(100)

folder = os.environ["CELERY_FOLDER"]
app = Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "processed_folder": folder,
        "polling_interval": 0.05,
    },
    worker_max_tasks_per_child=1,
    worker_concurrency=5,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def record(count: int) -> None:
    numbered.record(count)
