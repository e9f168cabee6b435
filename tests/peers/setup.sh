#!/usr/bin/env bash
# Makes the environments of the peer tests; run it again at any time, it only does what is missing.
#
#   py3            Python 3 with pytest, pyzmq, msgpack, duckdb, polars, pandas, pyarrow, google-crc32c, ruff, mypy   (always)
#   orig-0.11.3    the original BlueOx, last version, Python 2.7        (where a Python 2.7 is found)
#   orig-0.4.2     the original BlueOx of 2012, Python 2.7              (where a Python 2.7 is found)
#
# They go to $BLUEOX_VENVS, or to .venvs/ at the top of the repository. Chromium is installed by apt where that is possible.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
venvs=${BLUEOX_VENVS:-$top/.venvs}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONWARNINGS=ignore

fail() {
    echo "setup.sh: $*" >&2
    exit 1
}

find_python3() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.10 python3.9; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

find_python27() {
    local candidate
    for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python; do
        # a pyenv shim may be on the PATH and name no real interpreter: ask it
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
            "$candidate" -c 'import sys; sys.stdout.write(sys.executable)'
            return
        fi
    done
    return 1
}

make_venv() { # python directory
    rm -rf "$2"
    "$1" -m venv "$2" >/dev/null 2>&1
}

# A finished environment carries the requirements it was made from; anything else is brought up to them, or made anew.
is_done() { # directory requirements
    cmp -s "$1/made-from" "$2" && "$1/bin/python" -c '' 2>/dev/null
}

setup_py3() {
    local dir=$venvs/py3 wanted=$here/requirements.txt python
    if is_done "$dir" "$wanted"; then return; fi
    if "$dir/bin/python" -m pip install --quiet -r "$wanted" 2>/dev/null; then
        cp "$wanted" "$dir/made-from"
        return
    fi
    python=$(find_python3) || fail "needs Python 3.9 or later (Debian, Ubuntu: apt-get install python3 python3-venv)"
    if ! make_venv "$python" "$dir"; then
        if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
            echo "setup.sh: installing python3-venv"
            { apt-get update -qq && apt-get install -y -qq python3-venv; } >/dev/null ||
                fail "apt-get install python3-venv failed"
        fi
        make_venv "$python" "$dir" ||
            fail "$python cannot make a virtual environment; install python3-venv (Debian, Ubuntu: sudo apt-get install python3-venv)"
    fi
    "$dir/bin/python" -m pip install --quiet -r "$wanted"
    cp "$wanted" "$dir/made-from"
    echo "setup.sh: made $dir"
}

setup_original() { # version python27
    local dir=$venvs/orig-$1 wanted=$here/requirements-orig-$1.txt tool log
    if is_done "$dir" "$wanted"; then return; fi
    rm -rf "$dir"
    log=$venvs/orig-$1.log
    "$venvs/py3/bin/python" -m virtualenv --quiet --python "$2" "$dir" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
    "$dir/bin/python" -m pip install --quiet -r "$wanted" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
    "$dir/bin/python" -c 'import blueox, msgpack, zmq' || return 1
    for tool in "$dir"/bin/ox{d,view,ctl,ingest}; do
        [ -e "$tool" ] || continue # 0.4.2 has no oxingest
        "$tool" --help >/dev/null || return 1
    done
    cp "$wanted" "$dir/made-from"
    rm -f "$log"
    echo "setup.sh: made $dir"
}

# The page is looked at in the system's own Chromium; without one the tests say what they could not do.
setup_chromium() {
    local name
    for name in "${BLUEOX_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then return; fi
    done
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "setup.sh: installing chromium"
        if { apt-get update -qq && apt-get install -y -qq chromium fonts-liberation; } >/dev/null; then return; fi
    fi
    echo "setup.sh: no Chromium found: the page's tests in a browser will not run (Debian: sudo apt-get install chromium)" >&2
}

mkdir -p "$venvs"
[ -e "$venvs/.gitignore" ] || echo '*' >"$venvs/.gitignore"
setup_py3
setup_chromium
if python27=$(find_python27); then
    for version in 0.11.3 0.4.2; do
        setup_original "$version" "$python27" ||
            echo "setup.sh: could not install the original $version: its peer tests will not run" >&2
    done
else
    echo "setup.sh: no Python 2.7 found: the original's peer tests will not run"
fi
