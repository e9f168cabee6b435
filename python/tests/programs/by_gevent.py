"""gevent: greenlets with contexts of their own, and forked children that do the same."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402
import numbered  # noqa: E402

import blueox  # noqa: E402


def work(count: int) -> None:
    with blueox.Context("around") as context:
        gevent.sleep(0)
        assert blueox.current_context() is context
        numbered.record(count)
        gevent.sleep(0)
        assert blueox.current_context() is context


def work_in_greenlets(count: int) -> None:
    greenlets = [gevent.spawn(work, count // 10) for _ in range(10)]
    gevent.joinall(greenlets, raise_error=True)


if __name__ == "__main__":
    processes, count = int(sys.argv[1]), int(sys.argv[2])
    numbered.configure()
    work_in_greenlets(count)
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            work_in_greenlets(count)
            os._exit(0)
        children.append(child)
    work_in_greenlets(count)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
