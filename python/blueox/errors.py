"""What the package itself raises: at configuration, and in `blueox.client`."""

from __future__ import annotations


class Error(Exception):
    """The base of all of them."""


class ConfigError(Error, ValueError):
    """What was given to `configure` cannot be."""
