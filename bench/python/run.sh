#!/usr/bin/env bash
# The Python package beside others. Makes environments in target/python-bench with Python 3.11 and the newest that is found.
#   bench/python/run.sh [OXD]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
oxd=${1:-$top/target/release/oxd}
envs=$top/target/python-bench
export PIP_DISABLE_PIP_VERSION_CHECK=1

find_python() { # version
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$candidate" -c '' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

versions=()
for version in 3.11 3.14 3.13 3.12 3.10; do
    python=$(find_python "$version") || continue
    [ -x "$envs/$version/bin/python" ] || "$python" -m venv "$envs/$version" >&2
    "$envs/$version/bin/python" -m pip install --quiet -r "$here/requirements.txt" >&2
    versions+=("$version")
    [ ${#versions[@]} -lt 2 ] || break
done
[ ${#versions[@]} -gt 0 ] || { echo "run.sh: needs Python 3.10 or later" >&2; exit 1; }

first=$envs/${versions[0]}
(cd "$top/python" && VIRTUAL_ENV=$first "$first/bin/maturin" build --quiet --out "$top/target/wheels" >&2)
pythons=()
for version in "${versions[@]}"; do
    "$envs/$version/bin/python" -m pip install --quiet --force-reinstall --no-deps "$top"/target/wheels/blueox-*.whl >&2
    pythons+=("$envs/$version/bin/python")
done
original=${BLUEOX_VENVS:-$top/.venvs}/orig-0.11.3/bin/python
[ -x "$original" ] || original=-
"${pythons[0]}" "$here/compare.py" "$oxd" "$original" "${pythons[@]}"
