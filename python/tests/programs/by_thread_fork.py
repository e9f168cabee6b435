"""os.fork, and the C library's fork without Python's hooks, from a thread; the children end by os._exit.

Around a fork in C no other thread may want Python's lock: CPython itself waits for ever then, in the child, for that thread to take it.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Callable

import numbered


def fork_children(fork: Callable[[], int], processes: int, count: int) -> None:
    children = []
    for _ in range(processes):
        child = fork()
        if child == 0:
            numbered.record(count)
            os._exit(0)
        children.append(child)
        numbered.record(count // 10)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    processes, count = int(sys.argv[1]), int(sys.argv[2])
    numbered.configure()
    numbered.record(count)
    thread = threading.Thread(target=fork_children, args=(os.fork, processes // 2, count))
    thread.start()
    numbered.record(count)
    thread.join()
    thread = threading.Thread(target=fork_children, args=(ctypes.PyDLL(None).fork, processes // 2, count))
    thread.start()
    thread.join()
