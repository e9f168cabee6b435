"""Where events go when a framework's settings say so, or nobody does."""

from __future__ import annotations

import blueox

__all__ = ["UNSET", "configure_from"]

# A setting that is not there; None and "" say: record nothing.
UNSET = object()


def configure_from(setting: object) -> None:
    """Configures by the framework's BLUEOX_HOST. Where there is none, the application's own `blueox.configure` stays in force, and
    without that the environment decides, as `blueox.default_configure()` does.
    """
    if setting is UNSET:
        if not blueox.is_configured():
            blueox.default_configure()
    elif setting:
        blueox.default_configure(str(setting))
    else:
        blueox.configure(None, None)


def prefixed(prefix: object, name: str) -> str:
    """`name` below the application's BLUEOX_NAME, or below the current context when it has none."""
    return f"{prefix or ''}.{name}"
