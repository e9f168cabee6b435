#!/usr/bin/env bash
# Builds what is measured and measures it; prints Markdown.
#   bench/run.sh                          everything
#   bench/run.sh compare [options]        beside the original: see `oxbench compare --help`
#   bench/run.sh heart [options]          native wire, two hops, what dies: see `oxbench heart --help`
#   bench/run.sh store [options]          scanning and sealing beside jq, bzip2 and DuckDB: see `oxbench store --help`
#   bench/run.sh library [options]        the library beside tracing and fastrace: see `oxbench library --help`
#   bench/run.sh python                   the Python package beside OpenTelemetry, structlog, eliot, logging, the original
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --quiet --release -p oxd -p oxview -p oxstore -p oxbench
oxbench="${CARGO_TARGET_DIR:-target}/release/oxbench"
if [ "${1:-}" = python ]; then
    exec bench/python/run.sh "${CARGO_TARGET_DIR:-target}/release/oxd"
fi
if (($# > 0)); then
    exec "$oxbench" "$@"
fi
"$oxbench" compare
"$oxbench" heart
"$oxbench" library
"$oxbench" store
bench/python/run.sh "${CARGO_TARGET_DIR:-target}/release/oxd"
