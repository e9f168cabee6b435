#!/usr/bin/env python3
"""Fails when a crate of ours uses another that ARCHITECTURE.md does not list for it."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKSPACES = [ROOT, ROOT / "crates" / "oxsql"]


def listed() -> dict[str, set[str]]:
    """The edges of ARCHITECTURE.md: rows `| crate | crates it may use | ...` below the heading `Edges`."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    section = text.split("## Edges", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", section, flags=re.MULTILINE)
    return {crate: set(re.findall(r"`([a-z-]+)`", uses)) for crate, uses in rows}


def real() -> dict[str, set[str]]:
    """The edges of the manifests, those of tests left out."""
    packages: dict[str, dict[str, Any]] = {}
    for workspace in WORKSPACES:
        command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
        metadata = json.loads(subprocess.run(command, cwd=workspace, check=True, stdout=subprocess.PIPE).stdout)
        packages |= {package["name"]: package for package in metadata["packages"]}
    return {
        name: {dep["name"] for dep in package["dependencies"] if dep["name"] in packages and dep["kind"] != "dev"}
        for name, package in packages.items()
    }


def main() -> int:
    """Compares both."""
    allowed, found = listed(), real()
    wrong = [
        f"{crate} uses {used}, which ARCHITECTURE.md does not list"
        for crate, uses in sorted(found.items())
        for used in sorted(uses - allowed.get(crate, set()))
    ]
    wrong += [f"{crate} is missing in ARCHITECTURE.md" for crate in sorted(found.keys() - allowed.keys())]
    wrong += [f"ARCHITECTURE.md lists {crate}, which is gone" for crate in sorted(allowed.keys() - found.keys())]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
