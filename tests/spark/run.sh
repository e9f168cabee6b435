#!/usr/bin/env bash
# Tests that a Spark cluster reads sealed files. Nothing is skipped: without Java it fails and says so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${BLUEOX_VENVS:-$here/../../.venvs}/spark
wanted=$here/requirements.txt
export PIP_DISABLE_PIP_VERSION_CHECK=1

if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; else java=java; fi
if ! version=$("$java" -version 2>&1); then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "run.sh: installing openjdk-17-jre-headless"
        { apt-get update -qq && apt-get install -y -qq openjdk-17-jre-headless; } >/dev/null || true
    fi
    version=$("$java" -version 2>&1) || {
        echo "run.sh: Spark needs Java 17 or later, and there is none (Debian, Ubuntu: sudo apt-get install openjdk-17-jre-headless)" >&2
        exit 1
    }
fi
major=$(sed -n 's/.*version "\([0-9]*\).*/\1/p' <<<"$version")
[ "${major:-0}" -ge 17 ] || { echo "run.sh: Spark needs Java 17 or later; this is $major" >&2; exit 1; }

if ! { cmp -s "$dir/made-from" "$wanted" && "$dir/bin/python" -c '' 2>/dev/null; }; then
    rm -rf "$dir"
    python3 -m venv "$dir"
    "$dir/bin/python" -m pip install --quiet -r "$wanted"
    cp "$wanted" "$dir/made-from"
    echo "run.sh: made $dir"
fi
cd "$here"
exec "$dir/bin/python" -m pytest -q -p no:cacheprovider "$@"
