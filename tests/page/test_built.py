"""The built files that `oxview web` carries: made from these sources, and small."""

from __future__ import annotations

import gzip
import hashlib
import pathlib
from typing import Callable

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
SERVED = ("index.html", "page.js", "page.css", "icon.svg")
INPUTS = ("src", "static", "build.mjs", "package.json", "package-lock.json", "tsconfig.json")


def test_the_built_files_belong_to_their_sources() -> None:
    files = [path for name in INPUTS for path in ([WEB / name] if (WEB / name).is_file() else (WEB / name).rglob("*"))]
    names = sorted(path.relative_to(WEB).as_posix() for path in files if path.is_file())
    names += sorted(f"dist/{name}" for name in SERVED)
    now = "".join(f"{hashlib.sha256((WEB / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    assert (WEB / "dist" / "sources.sha256").read_text() == now, (
        "web/src or web/dist has changed since it was built: make web"
    )


def test_the_page_keeps_to_its_budget_of_bytes(measured: Callable[[str], None]) -> None:
    parts = [(WEB / "dist" / name).read_bytes() for name in SERVED]
    raw, compressed = sum(map(len, parts)), sum(len(gzip.compress(part, 9)) for part in parts)
    measured(f"the page in all: {raw} bytes, {compressed} compressed")
    assert raw <= 150_000
    assert compressed <= 50_000


def test_nothing_in_it_parses_markup_or_runs_text() -> None:
    script = (WEB / "dist" / "page.js").read_text()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"):
        assert way not in script, way
    markup = (WEB / "dist" / "index.html").read_text()
    assert "style=" not in markup
    assert " on" not in markup.replace(" on the", "")


def test_it_asks_nobody_else() -> None:
    for name in SERVED:
        text = (
            (WEB / "dist" / name).read_text().replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1:", "")
        )
        assert "http://" not in text, name
        assert "https://" not in text, name
