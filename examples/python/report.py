"""How often each path was asked for, and how long it took: cat request-20261122.log | python report.py"""

import collections
import sys

import blueox.client

took = collections.defaultdict(list)
for group in blueox.client.Grouper(blueox.client.decode_stream(sys.stdin)):
    request = group[-1]  # what happened inside of it stands before it
    took[request["body"].get("path", request["type"])].append(request["end"] - request["start"])
for path, seconds in sorted(took.items()):
    print(f"{path:20} {len(seconds):6} times  {1000 * sorted(seconds)[len(seconds) // 2]:8.1f} ms")
