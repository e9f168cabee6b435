"""A file system of a few MiB that can really be full: a tmpfs in a mount namespace of its own.

It lives as long as a process that holds the namespace, and no longer; what is to see it is started through `inside`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import subprocess

PIECES = (1 << 20, 64 << 10, 4 << 10, 1)


class SmallDisk:
    def __init__(self, path: pathlib.Path, size: int) -> None:
        """Mounts it at `path`; fails where neither root nor a user namespace may do that."""
        path.mkdir(parents=True)
        self.path = path
        own_users = os.geteuid() != 0
        script = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && echo mounted && exec cat'
        command = ["unshare", "--mount", *(["--map-root-user"] if own_users else [])]
        self._holder = subprocess.Popen(
            [*command, "sh", "-c", script, "sh", str(size), str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            assert self._holder.stderr is not None
            why = self._holder.stderr.read().decode(errors="replace").strip()
            raise AssertionError(
                f"no small tmpfs can be mounted here ({why}); the test needs root or user namespaces "
                "(sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
            )
        enter = ["--user", "--preserve-credentials"] if own_users else []
        self.inside = ["nsenter", "--target", str(self._holder.pid), "--mount", *enter]
        """What to put before a command that is to see it; the command's working directory is then `/`."""
        self.seen = pathlib.Path(f"/proc/{self._holder.pid}/root{path}")
        """Where it can be seen from outside."""

    def free_bytes(self) -> int:
        space = os.statvfs(self.seen)
        return space.f_bavail * space.f_frsize

    def fill(self) -> None:
        """Takes what is left, to the last byte."""
        with (self.seen / "filler").open("ab", buffering=0) as filler:
            for piece in PIECES:
                try:
                    while filler.write(bytes(piece)) == piece:
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
        assert self.free_bytes() == 0

    def make_room(self) -> None:
        (self.seen / "filler").unlink()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._holder.communicate(timeout=5)
