"""multiprocessing with fork: children that return, and a pool that is terminated when its work is done."""

import multiprocessing
import sys

import numbered

if __name__ == "__main__":
    processes, count = int(sys.argv[1]), int(sys.argv[2])
    numbered.configure()
    numbered.record(count)
    forking = multiprocessing.get_context("fork")
    children = [forking.Process(target=numbered.record, args=(count,)) for _ in range(processes)]
    for child in children:
        child.start()
    numbered.record(count)
    for child in children:
        child.join()
    with forking.Pool(2, maxtasksperchild=2) as pool:
        pool.map(numbered.record, [count // 10] * 10, chunksize=1)
        pool.close()
        pool.join()
