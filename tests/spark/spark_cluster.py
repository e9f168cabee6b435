"""A standalone Spark cluster on loopback: a master and two workers, each a process of its own."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pyspark

# How long a process may take to say where it is: a loaded machine is slow to start Java.
PATIENCE = 300.0
HOME = pathlib.Path(pyspark.__file__).parent
SCALA = next(re.findall(r"\d+\.\d+", jar.name)[0] for jar in (HOME / "jars").glob("scala-library-*.jar"))
# What Spark asks of newer Javas to be let in to.
OPENS = ("java.lang", "java.lang.invoke", "java.net", "java.nio", "java.util", "java.util.concurrent", "sun.nio.ch")


def java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(pathlib.Path(home) / "bin" / "java") if home else "java"


class Process:
    """One of Spark's programs; what it logs is kept."""

    def __init__(self, directory: pathlib.Path, program: str, *args: str) -> None:
        opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENS]
        command = [
            java(),
            "-Xmx512m",
            *opens,
            "-cp",
            str(HOME / "jars" / "*"),
            f"org.apache.spark.deploy.{program}",
            *args,
        ]
        directory.mkdir(parents=True, exist_ok=True)
        # workers start executors from there; the version is what bin/load-spark-env.sh would say
        places = {
            "SPARK_HOME": str(HOME),
            "SPARK_SCALA_VERSION": SCALA,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(directory),
        }
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **places},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def said(self, pattern: str) -> str:
        """Waits for a line of its log, and gives the first group."""

        def found() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self._lines)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE)
            match = found()
        assert match, f"waited for {pattern!r} in:\n{''.join(self._lines[-40:])}"
        return match[1]

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def cluster(directory: pathlib.Path) -> Iterator[str]:
    """Gives the master's URL, once both workers are there."""
    with ExitStack() as stack:

        def start(name: str, program: str, *args: str) -> Process:
            process = Process(directory / name, program, *args)
            stack.callback(process.stop)
            return process

        place = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        url = start("master", "master.Master", *place).said(r"Starting Spark master at (spark://\S+)")
        for name in ("worker-1", "worker-2"):
            work = str(directory / name / "work")
            worker = start(name, "worker.Worker", *place, "--cores", "1", "--memory", "1g", "--work-dir", work, url)
            worker.said(r"(Successfully registered with master)")
        yield url
