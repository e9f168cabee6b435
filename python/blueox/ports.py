"""Where daemons listen, and the variables that say so."""

from __future__ import annotations

import os

ENV_VAR_CONTROL_HOST = "BLUEOX_CLIENT_HOST"
ENV_VAR_COLLECT_HOST = "BLUEOX_HOST"

DEFAULT_HOST = "127.0.0.1"
DEFAULT_CONTROL_PORT = 3513
DEFAULT_COLLECT_PORT = 3514


def _with_port(host: str, port: int) -> str:
    if host.startswith("unix:"):
        return host
    if host.startswith("["):  # [::1] or [::1]:3514
        return host if "]:" in host else f"{host}:{port}"
    if host.count(":") > 1:  # a bare IPv6 address
        return f"[{host}]:{port}"
    return host if ":" in host else f"{host}:{port}"


def default_control_host(host: str | None = None) -> str:
    """`host:port` of the control port: what is given, else BLUEOX_CLIENT_HOST, else this machine."""
    return _with_port(host or os.environ.get(ENV_VAR_CONTROL_HOST) or DEFAULT_HOST, DEFAULT_CONTROL_PORT)


def default_collect_host(host: str | None = None) -> str:
    """`host:port` of the collection port: what is given, else BLUEOX_HOST, else this machine."""
    return _with_port(host or os.environ.get(ENV_VAR_COLLECT_HOST) or DEFAULT_HOST, DEFAULT_COLLECT_PORT)
