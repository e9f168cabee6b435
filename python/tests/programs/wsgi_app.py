"""What gunicorn loads before it forks."""

from collections.abc import Callable, Iterable
from typing import Any

import numbered

numbered.configure()
numbered.record(100)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    numbered.record(int(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
