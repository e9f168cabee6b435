#!/usr/bin/env bash
# Makes the environment that the Python package is tested in, and builds the package into it, editable.
#   python/build.sh [DIRECTORY]      default: .venvs/python at the top of the repository
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/../.venvs/python}
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")
wanted=$here/requirements.txt
export PIP_DISABLE_PIP_VERSION_CHECK=1

find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.10; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

if ! { cmp -s "$dir/made-from" "$wanted" && "$dir/bin/python" -c '' 2>/dev/null; }; then
    if ! "$dir/bin/python" -c '' 2>/dev/null; then
        python=$(find_python) || { echo "build.sh: needs Python 3.10 or later" >&2; exit 1; }
        rm -rf "$dir"
        "$python" -m venv "$dir"
    fi
    "$dir/bin/python" -m pip install --quiet -r "$wanted"
    cp "$wanted" "$dir/made-from"
    echo "build.sh: made $dir"
fi

# No frozen binaries, no release build: the tests are about what it does.
cd "$here"
VIRTUAL_ENV=$dir "$dir/bin/maturin" develop --quiet
