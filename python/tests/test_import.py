"""What importing the package brings along."""

from __future__ import annotations

import subprocess
import sys

FRAMEWORKS = (
    "tornado flask django celery starlette fastapi sqlalchemy httpx requests structlog msgpack zmq asyncio http"
)


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_it_needs_nothing_but_itself() -> None:
    run(f"import blueox, sys; found = set('{FRAMEWORKS}'.split()) & set(sys.modules); assert not found, found")


def test_modules_for_frameworks_come_when_they_are_asked_for() -> None:
    run("import blueox; blueox.tornado_utils.install(); assert blueox.tornado_utils.SampleRequestHandler")
    run(
        "from blueox.tornado_utils import coroutine; import tornado.gen; assert 'coroutine' in dir(__import__('blueox').tornado_utils)"
    )
    run(
        "import blueox\ntry: blueox.tornado_utils.nothing\nexcept AttributeError: pass\nelse: raise SystemExit('found')"
    )
    run("import blueox; assert blueox.client.Grouper and blueox.testing.capture and blueox.contrib")


def test_names_are_looked_up_the_fast_way() -> None:
    """CPython specializes the look-up of a module's names unless the module has a `__getattr__`."""
    run("import blueox; assert '__getattr__' not in vars(blueox)")


def test_what_is_missing_is_missing() -> None:
    run("import blueox\ntry: blueox.nothing\nexcept AttributeError: pass\nelse: raise SystemExit('found')")


def test_a_star_import_needs_no_framework() -> None:
    run(
        f"from blueox import *; import sys; found = {{*'{FRAMEWORKS}'.split()}} & {{*sys.modules}}; assert not found, found"
    )
