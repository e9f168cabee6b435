"""The Python package beside others, in one run; prints Markdown.

compare.py OXD ORIGINAL_PYTHON PYTHON...        ORIGINAL_PYTHON: one with the original BlueOx 0.11.3, or `-`
"""

from __future__ import annotations

import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from typing import Any

ONE = pathlib.Path(__file__).with_name("one.py")
ROUNDS, COUNT = 9, 20_000
CANDIDATES = {
    "loop": "the loop alone",
    "call": "an empty C call",
    "blueox_set": "**blueox, not configured: one `set`**",
    "blueox_unconfigured": "**blueox, not configured**",
    "blueox_sent": "**blueox, recorded and sent to an oxd**",
    "blueox_sampled_away": "**blueox, sampled away**",
    "opentelemetry": "OpenTelemetry SDK, batching, an exporter that discards",
    "structlog_json": "structlog, context variables, a JSON line to a file",
    "eliot_action": "eliot, an action to a file",
    "stdlib_logging": "stdlib logging, one line to a file",
}
ORIGINAL = {
    "original_unconfigured": "original 0.11.3 (Python 2.7), not configured",
    "original_sent": "original 0.11.3 (Python 2.7), sent to the same oxd",
}


class Oxd:
    """A daemon on free ports, with its files in `base`."""

    def __init__(self, program: str, base: pathlib.Path) -> None:
        words = ["--collect", "127.0.0.1:0", "--control", "127.0.0.1:0", "--log-path", "logs", "--spool-max", "1GiB"]
        environment = {**os.environ, "XDG_STATE_HOME": str(base / "state"), "NO_COLOR": "1"}
        self.process = subprocess.Popen([program, *words], cwd=base, env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"port=\"?collection\"?.*address=\"?([0-9.:]+)", line):
                self.address = found[1]
                return
        raise SystemExit("the daemon did not start")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


def one(python: str, base: pathlib.Path, *words: object) -> Any:
    done = subprocess.run([python, ONE, *map(str, words)], cwd=base, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def version(python: str) -> str:
    said = subprocess.run([python, "-c", "import sys; print(sys.version.split()[0])"], stdout=subprocess.PIPE, check=True)
    return said.stdout.decode().strip()


def table(python: str, rows: dict[str, list[float]]) -> None:
    unit = statistics.median(rows["blueox_sent"])
    print(f"\n| CPython {python}: one context or span with 5 values | CPU µs in the calling thread | of `blueox, sent` |")
    print("| --- | --- | --- |")
    for name, times in rows.items():
        middle = statistics.median(times)
        label = {**CANDIDATES, **ORIGINAL}[name]
        spread = f"({times[0] / 1000:.3f}–{times[-1] / 1000:.3f})"
        print(f"| {label} | {middle / 1000:.3f} {spread} | {middle / unit:.2f} × |")


def main() -> None:
    program, original, pythons = sys.argv[1], sys.argv[2], sys.argv[3:]
    print("# Python: what a context costs the application\n")
    print("`bench/run.sh python`. CPU time of the calling thread; each row is a process of its own, in one run.\n")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {memory} GiB of memory, {platform.system()} {platform.release()}; load before {load:.2f}.")
    print(f"Medians of {ROUNDS} rounds of {COUNT} contexts each; in brackets the fastest and the slowest round.")
    for python in pythons:
        with tempfile.TemporaryDirectory() as folder:
            base = pathlib.Path(folder)
            oxd = Oxd(program, base)
            try:
                rows = {name: one(python, base, name, ROUNDS, COUNT, oxd.address) for name in CANDIDATES}
                if original != "-" and python == pythons[0]:
                    rows |= {name: one(original, base, name, ROUNDS, COUNT // 4, oxd.address) for name in ORIGINAL}
                table(version(python), rows)
                oxd.process.send_signal(signal.SIGSTOP)
                found = one(python, base, "waits", 0, 200_000, oxd.address)
            finally:
                oxd.stop()
        print(f"\n| CPython {version(python)}: one call, wall time, the daemon stopped (SIGSTOP) | median | p99 | p99.9 | slowest |")
        print("| --- | --- | --- | --- | --- |")
        for name, label in (("bare", "an empty function"), ("blueox", "**a context with 5 values**")):
            print(f"| {label} | " + " | ".join(f"{time:.2f} µs" for time in found[name]) + " |")
        print(f"\nMemory for events then: {found['memory'] >> 10} KiB of 8,192; {found['dropped']} events were dropped, and counted.")
    print(f"\nLoad after: {os.getloadavg()[0]:.2f}.")


main()
