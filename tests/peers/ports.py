"""Ports that a process can have again after it was killed."""

from __future__ import annotations

import pathlib
import random
import socket

_given: set[int] = set()
SYSTEM = random.SystemRandom()


def free_port(rng: random.Random = SYSTEM) -> int:
    """A free port below those of outgoing connections, which could otherwise take it in between."""
    limits = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    while True:
        port = rng.randrange(12_000, min(32_000, int(limits[0])))
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
