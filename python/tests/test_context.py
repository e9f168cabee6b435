"""Names, nesting, sampling, current contexts: what the original's cases say, and what its defects were."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest

import blueox
from blueox.testing import Capture


@pytest.mark.parametrize(
    ("around", "given", "name"),
    [
        ([], "test", "test"),
        ([], ".test", "test"),
        ([], "^.test", "test"),
        (["test"], ".foo", "test.foo"),
        (["test", "test.bar"], ".foo", "test.bar.foo"),
        (["test", "test.bar"], "^.foo", "test.foo"),
        (["test", "test.bar"], ".bar.foo", "test.bar.foo"),
        (["test", "test.bar"], "^.bar.foo", "test.bar.foo"),
        (["test.bar"], "^.bar.foo", "test.bar.foo"),
        (["test.bar"], "test.foo", "test.foo"),
        (["test"], "other", "other"),
    ],
)
def test_names(blueox_events: Capture, around: list[str], given: str, name: str) -> None:
    for outer in around:
        blueox.Context(outer).start()
    assert blueox.Context(given).name == name


def test_children_share_the_id_and_others_do_not(blueox_events: Capture) -> None:
    with blueox.Context("test") as outer:
        with blueox.Context(".child") as child, blueox.Context("test.plain") as plain:
            assert child.id == plain.id == outer.id
        with blueox.Context("other") as other:
            assert other.id != outer.id
    events = {event.type: event for event in blueox_events}
    assert events["test.child"]["parent"] == events["test"]["span"]
    assert "parent" not in events["other"]
    assert len(outer.id) == 32


def test_an_id_of_the_application(blueox_events: Capture) -> None:
    with blueox.Context("a", id="my-id"), blueox.Context(".b") as child:
        assert child.id == "my-id"
    with blueox.Context("c", id=5):
        pass
    assert [event.id for event in blueox_events] == ["my-id", "my-id", 5]


def test_values(blueox_events: Capture) -> None:
    with blueox.Context("test") as context:
        blueox.set("one", 1)
        blueox.set("list", 1, "two", None)
        blueox.set("map", a=1, value=2, key=3)
        blueox.set("map", b=4)
        blueox.set("deep.er.est", True)
        blueox.set("none", None)
        blueox.append("steps", "parsed")
        blueox.append("steps", ["stored", 1])
        blueox.add("count", 2)
        blueox.add("count")
        blueox.add("seconds", 0.5)
        context.set("by.context", 1)
        with blueox.timeit("took"):
            pass
    body = blueox_events.one().body
    assert 0 <= body.pop("took") < 60
    assert body == {
        "one": 1,
        "list": [1, "two", None],
        "map": {"a": 1, "value": 2, "key": 3, "b": 4},
        "deep": {"er": {"est": True}},
        "none": None,
        "steps": ["parsed", ["stored", 1]],
        "count": 3,
        "seconds": 0.5,
        "by": {"context": 1},
    }


def test_a_value_that_stands_where_a_map_is_needed_is_kept(blueox_events: Capture) -> None:
    with blueox.Context("test"):
        blueox.set("x", 1)
        blueox.set("x.y", 2)
    assert blueox_events.one().body == {"x": {"_value": 1, "y": 2}}


def test_what_is_added_and_no_number_is_shown_beside(blueox_events: Capture) -> None:
    with blueox.Context("test"):
        blueox.add("rows", 2)
        blueox.add("rows", "many")
    assert blueox_events.one().body == {"rows": 2, "rows_not_added": ["many"]}


def test_outside_of_any_context_all_is_a_no_op(blueox_events: Capture) -> None:
    blueox.set("x", 1)
    blueox.append("x", 1)
    blueox.add("x", 1)
    with blueox.timeit("x"):
        pass
    assert blueox.current_context() is None
    assert blueox.traceparent() is None
    assert not blueox_events.all


def test_nothing_configured() -> None:
    with blueox.Context("request") as context:
        assert blueox.current_context() is context
        blueox.set("x", 1)
        assert context.name == "request"
        assert context.id == context.id
        with blueox.Context(".sql", id=7) as child:
            assert (child.name, child.id) == ("request.sql", 7)
    assert blueox.current_context() is None
    assert blueox.stats().produced == 0


def test_find_context(blueox_events: Capture) -> None:
    assert blueox.find_context("^") is None
    with blueox.Context("a") as a, blueox.Context(".b") as b, blueox.Context(".c") as c:
        assert blueox.find_context(".") is c
        assert blueox.find_context("..") is b
        assert blueox.find_context("^") is a
        assert blueox.top_context() is a
        assert blueox.find_context("a.b") is b
        assert blueox.find_context("nobody") is None


def test_start_stop_done(blueox_events: Capture) -> None:
    context = blueox.Context("test")
    context.start()
    blueox.set("a", 1)
    context.stop()
    blueox.set("lost", 1)
    assert blueox.current_context() is None
    context.start()
    blueox.set("b", 2)
    context.done()
    context.done()
    assert blueox.current_context() is None
    assert blueox_events.one().body == {"a": 1, "b": 2}


def test_stopped_in_any_order(blueox_events: Capture) -> None:
    a, b = blueox.Context("a"), blueox.Context("b")
    a.start()
    b.start()
    a.stop()
    assert blueox.current_context() is b
    b.stop()
    assert blueox.current_context() is None
    a.stop()


def test_nesting_the_same_name(blueox_events: Capture) -> None:
    with blueox.Context("test"), blueox.Context("test"), blueox.Context(".test"):
        pass
    assert blueox_events.types == ["test", "test", "test"]
    context = blueox.Context("again")
    with context, context:
        assert blueox.current_context() is context
    assert blueox_events.types[-1] == "again"
    assert blueox.current_context() is None


def test_a_program_that_never_leaves_its_contexts(blueox_events: Capture) -> None:
    first = blueox.Context("first")
    first.start()
    for _ in range(100_000):
        blueox.Context(".more").start()
    blueox.set("x", 1)
    assert blueox.find_context("^") is first
    blueox.clear_contexts()
    again = blueox.Context("again")
    for _ in range(100_000):
        again.start()
    assert blueox.current_context() is again
    again.done()
    assert blueox.current_context() is None


def test_clear_contexts(blueox_events: Capture) -> None:
    blueox.Context("test").start()
    blueox.clear_contexts()
    assert blueox.current_context() is None


def test_what_was_never_started_is_no_event_and_what_was_lost_is_one(blueox_events: Capture) -> None:
    blueox.Context("unused")
    lost = blueox.Context("lost")
    lost.start()
    blueox.clear_contexts()
    del lost
    assert blueox_events.one()["outcome"] == "cancelled"


# sampling


def test_sampling_ends_are_exact_and_children_follow(blueox_events: Capture) -> None:
    for rate in (0.0, 1.0):
        with blueox.Context("test", sample=(".", rate)) as context:
            assert context.enabled == bool(rate)
            with blueox.Context(".child"):
                pass
    assert sorted(blueox_events.types) == ["test", "test.child"]
    assert all("sample_rate" not in event for event in blueox_events)


def test_one_decision_for_all_children_of_a_parent(blueox_events: Capture) -> None:
    for _ in range(200):
        with blueox.Context("request"):
            for _ in range(4):
                with blueox.Context(".memcache", sample=("..", 0.25)):
                    pass
    calls: dict[Any, int] = {}
    for event in blueox_events.of("request.memcache"):
        calls[event.id] = calls.get(event.id, 0) + 1
        assert event["sample_rate"] == 0.25
    assert set(calls.values()) == {4}
    assert 10 < len(calls) < 120


def test_a_level_that_is_not_open(blueox_events: Capture) -> None:
    with blueox.Context("request"), blueox.Context(".memcache", sample=("memcache", 1.0)):
        pass
    assert blueox_events.types == ["request.memcache", "request"]
    with pytest.raises(TypeError):
        blueox.Context()  # type: ignore[call-arg]


def test_strict_raises_as_the_original() -> None:
    blueox.configure(None, recorder=lambda event: None, strict=True)
    with pytest.raises(ValueError, match="no context .memcache. is open"):
        blueox.Context(".sql", sample=("memcache", 0.25))
    with blueox.Context("memcache"):
        blueox.Context(".sql", sample=("memcache", 0.25))
    with pytest.raises(ValueError, match="pair"):
        blueox.Context("x", sample=0.5)  # type: ignore[arg-type]
    blueox.configure(None)
    blueox.Context("x", sample=0.5)  # type: ignore[arg-type]


# exceptions


def fail(secret: str) -> None:
    raise ValueError("no such cart")


def test_an_exception_is_recorded_and_goes_on(blueox_events: Capture) -> None:
    with pytest.raises(ValueError, match="no such cart"), blueox.Context("test"), blueox.Context(".sql"):
        fail("hunter2")
    for event in blueox_events:
        assert event.value("exception.type") == "ValueError"
        assert event.value("exception.message") == "no such cart"
        assert "in fail" in event.value("exception.traceback")
        assert "hunter2" not in repr(event.value("exception.message"))
    assert len(blueox_events) == 2
    assert blueox.current_context() is None


def test_an_exception_that_cannot_be_shown(blueox_events: Capture) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Odd), blueox.Context("test"):
        raise Odd
    assert "[unprintable" in blueox_events.one().value("exception.message")


@pytest.mark.parametrize(
    ("error", "recorded"),
    [(SystemExit(0), None), (SystemExit(3), "SystemExit"), (KeyboardInterrupt(), "KeyboardInterrupt")],
)
def test_ways_out(blueox_events: Capture, error: BaseException, recorded: str | None) -> None:
    with pytest.raises(type(error)), blueox.Context("test"):
        raise error
    assert blueox_events.one().value("exception.type") == recorded


# functions of all kinds


def test_context_wrap(blueox_events: Capture) -> None:
    @blueox.context_wrap("job", sample=(".", 1.0))
    def job(a: int, *, b: int) -> int:
        """Adds."""
        blueox.set("a", a)
        return a + b

    assert job(1, b=2) == job(2, b=1) == 3
    assert (job.__name__, job.__doc__) == ("job", "Adds.")
    assert [event.body for event in blueox_events.of("job")] == [{"a": 1}, {"a": 2}]


def test_a_generator_is_in_its_context_only_while_it_runs(blueox_events: Capture) -> None:
    @blueox.context_wrap("numbers")
    def numbers() -> Generator[int, str, str]:
        with blueox.Context(".inner"):
            blueox.set("sent", (yield 1))
        blueox.set("after", True)
        try:
            yield 2
        except KeyError:
            blueox.set("caught", True)
        return "end"

    with blueox.Context("request") as request:
        generator = numbers()
        assert next(generator) == 1
        assert blueox.current_context() is request
        assert generator.send("x") == 2
        assert blueox.current_context() is request
        with pytest.raises(StopIteration) as stopped:
            generator.throw(KeyError())
        assert stopped.value.value == "end"
        assert blueox.current_context() is request
    assert blueox_events.of("numbers.inner")[0].body == {"sent": "x"}
    assert blueox_events.of("numbers")[0].body == {"after": True, "caught": True}


def test_a_generator_that_is_closed_or_fails(blueox_events: Capture) -> None:
    @blueox.context_wrap("numbers")
    def numbers() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no more")

    closed = numbers()
    next(closed)
    closed.close()
    assert blueox_events.one()["outcome"] == "cancelled"
    blueox_events.clear()
    failing = numbers()
    next(failing)
    with pytest.raises(ValueError, match="no more"):
        next(failing)
    assert blueox_events.one().value("exception.type") == "ValueError"


def test_coroutines(blueox_events: Capture) -> None:
    @blueox.context_wrap(".step")
    async def step(n: int) -> None:
        await asyncio.sleep(0)
        blueox.set("n", n)

    @blueox.context_wrap("numbers")
    async def numbers() -> AsyncGenerator[int, None]:
        for n in range(3):
            blueox.add("made", 1)
            yield n

    async def main() -> None:
        async with blueox.Context("main") as context:
            assert blueox.current_context() is context
            await asyncio.gather(*(step(n) for n in range(10)))
            async for _ in numbers():
                assert blueox.current_context() is context
            await asyncio.to_thread(blueox.set, "thread", True)
            assert blueox.current_context() is context

    asyncio.run(main())
    assert sorted(event.body["n"] for event in blueox_events.of("main.step")) == list(range(10))
    assert blueox_events.one("numbers").body == {"made": 3}
    assert blueox_events.one("main").body == {"thread": True}


def test_a_task_that_is_cancelled(blueox_events: Capture) -> None:
    @blueox.context_wrap("waiting")
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    event = blueox_events.one()
    assert event["outcome"] == "cancelled"
    assert event.body == {}


# threads


def test_a_thread_begins_outside_and_can_be_taken_along(blueox_events: Capture) -> None:
    found: list[Any] = []
    with blueox.Context("request") as request:
        thread = threading.Thread(target=lambda: found.append(blueox.current_context()))
        thread.start()
        thread.join()
        wrapped = blueox.wrap(lambda n: blueox.set(f"by.{n}", True))
        threads = [threading.Thread(target=wrapped, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with blueox.Executor(2) as executor:
            assert executor.submit(blueox.current_context).result() is request
            list(executor.map(lambda n: blueox.add("sum", n), range(100)))
    assert found == [None]
    assert blueox_events.one().body == {"by": {str(n): True for n in range(8)}, "sum": 4950}


# over the process's borders


def test_traceparent(blueox_events: Capture) -> None:
    incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with blueox.Context("request", traceparent=incoming) as context:
        assert context.id == "4bf92f3577b34da6a3ce929d0e0e4736"
        assert blueox.traceparent() == f"00-{context.id}-{context.span}-01"
    assert blueox_events.one()["parent"] == "00f067aa0ba902b7"
    with blueox.Context("other", traceparent="nonsense") as other:
        assert other.id != context.id


def test_recorder_function() -> None:
    events: list[blueox.Event] = []
    blueox.configure(None, recorder=events.append)
    with blueox.Context("test", id="x"):
        blueox.set("a", 1)
    (event,) = events
    assert (event.name, event.id, event.data) == ("test", "x", {"a": 1})
    assert event.start_time <= event.end_time
    assert event.to_dict()["type"] == "test"


def test_a_recorder_function_that_fails_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", seen.append)

    def recorder(event: blueox.Event) -> None:
        with blueox.Context("inside"):
            pass
        raise ValueError(event.name)

    blueox.configure(None, recorder=recorder)
    with blueox.Context("test"):
        pass
    assert [str(raised.exc_value) for raised in seen] == ["test"]


def test_the_event_so_far(blueox_events: Capture) -> None:
    with blueox.Context("test") as context:
        blueox.set("a.b", 1)
        assert context.data == {"a": {"b": 1}}
        assert context.to_dict()["type"] == "test"
    assert not blueox.Context("x").data


def test_configuration_mistakes() -> None:
    for host, port in (("", 0), ("host:port", None), ("127.0.0.1", 70000)):
        with pytest.raises(blueox.errors.ConfigError):
            blueox.configure(host, port)
    with pytest.raises(ValueError, match="token"):
        blueox.configure("127.0.0.1", token="x" * 10_000)
    assert not blueox.is_configured()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": 5}, "a host is a text, not 5"),
        ({"host": None, "recorder": 5}, "a recorder is a function"),
        ({"host": "127.0.0.1", "memory": -1}, "memory: "),
        ({"host": "127.0.0.1", "exit_patience": "long"}, "exit_patience: "),
        ({"host": "127.0.0.1", "scrub": 5}, "scrub: a list of names, not 5"),
        ({"host": "127.0.0.1", "keep": [5]}, "keep: "),
    ],
)
def test_options_that_cannot_be_ones(options: dict[str, Any], said: str) -> None:
    with pytest.raises(blueox.errors.ConfigError, match=said):
        blueox.configure(**options)
    assert not blueox.is_configured()


def test_a_name_that_is_no_text_finds_nothing(blueox_events: Capture) -> None:
    name: Any = 5
    with blueox.Context("5") as context:
        assert blueox.find_context(name) is context
    assert blueox.find_context(name) is None


def test_where_it_is_sent(oxd: Any) -> None:
    host, port = oxd.tcp("collection")
    blueox.configure(host, port)
    with blueox.Context("sent"):
        blueox.set("a", 1)
    assert blueox.flush(60)
    assert blueox.stats().accepted == 1
    blueox.shutdown()
    oxd.wait_stored("sent", 1)
    assert oxd.logs.events("sent")[0]["body"] == {"a": 1}


IN_AN_UNKNOWN_VERSION = """
import contextvars, sys
sys.version_info = (3, 99, 0)
calls, real = [], contextvars.ContextVar
class Variable:
    def __init__(self, name, default):
        self.variable = real(name, default=default)
    def get(self):
        calls.append("get")
        return self.variable.get()
    def set(self, value):
        calls.append("set")
        return self.variable.set(value)
contextvars.ContextVar = Variable
import blueox
contextvars.ContextVar = real
with blueox.testing.capture() as events:
    with blueox.Context("a"), blueox.Context(".b"):
        blueox.set("x", 1)
assert events.types == ["a.b", "a"], events.types
assert events.one("a.b").body == {"x": 1}
assert calls.count("set") == 4 and "get" in calls, calls
"""


def test_the_variables_methods_where_its_functions_are_not_known() -> None:
    subprocess.run([sys.executable, "-c", IN_AN_UNKNOWN_VERSION], check=True, timeout=120)
