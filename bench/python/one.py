"""Measures one way to record a unit of work with five values, in a process of its own; prints what it found as JSON.

    one.py CANDIDATE ROUNDS COUNT [HOST:PORT]

Runs under Python 2.7 too, for the original. CPU time is that of the calling thread.
"""

from __future__ import print_function

import ctypes
import json
import logging
import os
import sys
import time


class timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


def thread_time_ns(libc=ctypes.CDLL(None), now=timespec()):
    libc.clock_gettime(3, ctypes.byref(now))  # CLOCK_THREAD_CPUTIME_ID
    return now.tv_sec * 1000000000 + now.tv_nsec


def address():
    host, _, port = sys.argv[4].rpartition(":")
    return host, int(port)


def loop():
    def work(count):
        for n in range(count):
            pass

    return work, lambda: None


def call():
    """An empty C call."""

    def work(count, f=callable):
        for n in range(count):
            f(1)

    return work, lambda: None


def blueox_set():
    """`set` where nothing is configured."""
    import blueox

    def work(count, f=blueox.set):
        for n in range(count):
            f("status", 200)

    return work, lambda: None


def blueox_contexts(blueox):
    def work(count):
        for n in range(count):
            with blueox.Context("request"):
                blueox.set("path", "/cart")
                blueox.set("status", 200)
                blueox.set("user", "u1")
                blueox.set("took", 0.5)
                blueox.set("number", n)

    return work


def blueox_unconfigured():
    import blueox

    return blueox_contexts(blueox), lambda: None


def blueox_sent():
    import blueox

    blueox.configure(*address(), memory=256 << 20)
    return blueox_contexts(blueox), lambda: blueox.flush(60)


def blueox_sampled_away():
    import blueox

    blueox.configure(*address())

    def work(count):
        for n in range(count):
            with blueox.Context("request", sample=(".", 0.0)):
                blueox.set("path", "/cart")
                blueox.set("status", 200)
                blueox.set("user", "u1")
                blueox.set("took", 0.5)
                blueox.set("number", n)

    return work, lambda: None


def original_unconfigured():
    import blueox

    return blueox_contexts(blueox), lambda: None


def original_sent():
    import blueox

    blueox.configure(*address())
    return blueox_contexts(blueox), lambda: time.sleep(0.5)


def opentelemetry():
    """The SDK with batching; its exporter discards, which costs nothing in the calling thread."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Discard(), max_queue_size=1 << 20))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("bench")

    def work(count):
        for n in range(count):
            with tracer.start_as_current_span("request") as span:
                span.set_attribute("path", "/cart")
                span.set_attribute("status", 200)
                span.set_attribute("user", "u1")
                span.set_attribute("took", 0.5)
                span.set_attribute("number", n)

    return work, provider.force_flush


def structlog_json():
    """Values bound one after another in a context variable, one JSON line to a file."""
    import structlog

    out = open("structlog.log", "w")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()
    bind = structlog.contextvars.bind_contextvars

    def work(count):
        for n in range(count):
            with structlog.contextvars.bound_contextvars(path="/cart"):
                bind(status=200)
                bind(user="u1")
                bind(took=0.5)
                bind(number=n)
                log.info("request")

    return work, out.flush


def eliot_action():
    import eliot

    eliot.to_file(open("eliot.log", "w"))

    def work(count):
        for n in range(count):
            with eliot.start_action(action_type="request") as action:
                action.add_success_fields(path="/cart", status=200, user="u1", took=0.5, number=n)

    return work, lambda: None


def stdlib_logging():
    """One line to a file."""
    log = logging.getLogger("bench")
    handler = logging.FileHandler("logging.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)

    def work(count):
        for n in range(count):
            log.info("request path=%s status=%s user=%s took=%s number=%s", "/cart", 200, "u1", 0.5, n)

    return work, lambda: None


def waits(count):
    """Wall times of single calls, in microseconds, while the daemon does not answer."""
    import blueox

    blueox.configure(*address(), memory=8 << 20, exit_patience=0.2)
    clock = time.perf_counter_ns

    def bare():
        pass

    def event():
        with blueox.Context("request"):
            blueox.set("path", "/cart")
            blueox.set("status", 200)
            blueox.set("user", "u1")
            blueox.set("took", 0.5)
            blueox.set("number", 1)

    found = {}
    for name, one in (("bare", bare), ("blueox", event)):
        times = []
        for _ in range(count):
            before = clock()
            one()
            times.append(clock() - before)
        times.sort()
        found[name] = [times[int(count * share)] / 1000 for share in (0.5, 0.99, 0.999)] + [times[-1] / 1000]
    account = blueox.stats()
    assert account.produced == account.accepted + account.dropped + account.queued, account
    assert account.memory <= 8 << 20, account
    found["memory"], found["dropped"] = account.memory, account.dropped
    return found


def main():
    candidate, rounds, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if candidate == "waits":
        print(json.dumps(waits(count)))
        sys.stdout.flush()
        os._exit(0)
    work, settle = globals()[candidate]()
    work(count // 10)
    settle()
    times = []
    for _ in range(rounds):
        before = thread_time_ns()
        work(count)
        times.append((thread_time_ns() - before) / float(count))
        settle()
    print(json.dumps(sorted(times)))


main()
