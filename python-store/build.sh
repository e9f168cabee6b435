#!/usr/bin/env bash
# Makes the environment that blueox-store is tested in, and builds it into it, editable.
#   python-store/build.sh [DIRECTORY]      default: .venvs/store at the top of the repository
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-$here/../.venvs/store}
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")
wanted=$here/requirements.txt
export PIP_DISABLE_PIP_VERSION_CHECK=1

if ! { cmp -s "$dir/made-from" "$wanted" && "$dir/bin/python" -c '' 2>/dev/null; }; then
    if ! "$dir/bin/python" -c '' 2>/dev/null; then
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
            { echo "build.sh: needs Python 3.10 or later" >&2; exit 1; }
        rm -rf "$dir"
        python3 -m venv "$dir"
    fi
    "$dir/bin/python" -m pip install --quiet -r "$wanted"
    cp "$wanted" "$dir/made-from"
    echo "build.sh: made $dir"
fi

cd "$here"
VIRTUAL_ENV=$dir "$dir/bin/maturin" develop --quiet
