#!/usr/bin/env python3
"""Fails when oxsql is built with other versions of what our crates need than they are; with --fix it takes theirs."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OXSQL = ROOT / "crates" / "oxsql"

Lock = dict[str, dict[str, list[str]]]


def packages(lock: pathlib.Path) -> Lock:
    """The versions of each crate in a lock file, and what each of them needs."""
    found: Lock = {}
    for package in lock.read_text(encoding="utf-8").split("[[package]]\n")[1:]:
        name, version = re.findall(r'^(?:name|version) = "(.*)"$', package, flags=re.MULTILINE)
        found.setdefault(name, {})[version] = re.findall(r'^ "(.*)",$', package, flags=re.MULTILINE)
    return found


def needed(lock: Lock, used: Lock) -> set[tuple[str, str]]:
    """All crates, with their versions, that those of ours need which oxsql is built with."""
    left = [(name, version) for name in used if name.startswith("blueox-") for version in lock.get(name, {})]
    seen: set[tuple[str, str]] = set()
    while left:
        name, version = left.pop()
        if (name, version) in seen:
            continue
        seen.add((name, version))
        # What only tests need, or a feature that others ask for, is not in the other lock file.
        built = {need.split(" ")[0] for needs in used.get(name, {}).values() for need in needs}
        for need in lock[name][version]:
            parts = need.split(" ")
            if parts[0] in built:
                left.append((parts[0], parts[1] if len(parts) > 1 else next(iter(lock[parts[0]]))))
    return seen


def differences() -> list[tuple[str, str, list[str]]]:
    """Names with the version that they have in the workspace, and those that oxsql has."""
    ours, theirs = packages(ROOT / "Cargo.lock"), packages(OXSQL / "Cargo.lock")
    return [
        (name, version, sorted(theirs[name]))
        for name, version in sorted(needed(ours, theirs))
        if name in theirs and version not in theirs[name]
    ]


def fix() -> int:
    """Takes the workspace's versions, one after another: one may bring the next along."""
    before: list[tuple[str, str, list[str]]] = []
    while (wrong := differences()) and wrong != before:
        name, version, found = wrong[0]
        command = ["cargo", "update", "--manifest-path", str(OXSQL / "Cargo.toml"), f"{name}@{found[-1]}"]
        subprocess.run([*command, "--precise", version], check=True)
        before = wrong
    return 1 if differences() else 0


def main() -> int:
    """Compares both."""
    if "--fix" in sys.argv[1:]:
        return fix()
    wrong = differences()
    for name, version, found in wrong:
        print(f"crates/oxsql/Cargo.lock has {name} {', '.join(found)}, Cargo.lock {version}", file=sys.stderr)
    if wrong:
        print("take the workspace's: scripts/check_locks.py --fix", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
