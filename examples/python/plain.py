"""A plain script: a few requests with their queries.

BLUEOX_HOST=127.0.0.1:3514 python plain.py
"""

import random
import time

import blueox


def handle(path: str) -> None:
    with blueox.Context("request"):
        blueox.set("path", path)
        with blueox.timeit("request_time"):
            rows = query("SELECT * FROM carts WHERE path = ?", path)
        blueox.set("response.status", 200 if rows else 404)


@blueox.context_wrap(".sql")
def query(text: str, *args: object) -> int:
    blueox.set("query", text)
    time.sleep(random.uniform(0, 0.01))
    rows = random.randrange(3)
    blueox.set("rows", rows)
    return rows


if __name__ == "__main__":
    blueox.default_configure()
    for n in range(20):
        handle(f"/cart/{n % 3}")
