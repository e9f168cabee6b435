"""Celery: an event for each task that runs, and for each that is sent, with the id of who sent it.

Import it where the Celery application is made, which both sender and worker do::

    import blueox.contrib.celery

The application's configuration may have `BLUEOX_HOST` (where events go; empty: nowhere; not there: as `blueox.configure` or
the environment says) and `BLUEOX_NAME` (what stands before `.celery.task` in the event's type); a Django project's settings
count where the application has none.
"""

from blueox.contrib.celery import celery_signals

__all__ = ["celery_signals"]
