#!/usr/bin/env bash
# Builds the wheel into target/wheels, checks it, and tests it in each CPython from 3.10 that is found.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/.." && pwd)
wheels=$top/target/wheels
envs=$top/target/wheel-tests
export PIP_DISABLE_PIP_VERSION_CHECK=1

[ -x "$envs/build/bin/python" ] || python3 -m venv "$envs/build"
"$envs/build/bin/python" -m pip install --quiet "$(grep ^maturin== "$here/requirements.txt")" abi3audit==0.0.26 twine==6.2.0
rm -rf "$wheels"
(cd "$here" && VIRTUAL_ENV="$envs/build" "$envs/build/bin/maturin" build --quiet --out "$wheels")
wheel=$(echo "$wheels"/blueox-*.whl)

"$envs/build/bin/abi3audit" --strict --summary "$wheel"
"$envs/build/bin/twine" check --strict "$wheel"

find_python() { # version
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        # a pyenv shim may be on the PATH and name no real interpreter: ask it
        if "$candidate" -c '' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

tested=()
for version in 3.10 3.11 3.12 3.13 3.14; do
    python=$(find_python "$version") || { echo "wheel.sh: no Python $version is here: not tested in it"; continue; }
    env=$envs/$version
    [ -x "$env/bin/python" ] || "$python" -m venv "$env"
    # the wheel alone is enough to import it
    "$env/bin/python" -m pip install --quiet --force-reinstall --no-deps "$wheel"
    "$env/bin/python" -c 'import blueox, sys; assert "site-packages" in blueox.__file__; blueox.set("x", 1)'
    grep -E '^(pytest|pytest-rerunfailures|hypothesis|msgpack|pyzmq|numpy|attrs|pydantic)==' "$here/requirements.txt" >"$env/wanted"
    "$env/bin/python" -m pip install --quiet -r "$env/wanted"
    echo "wheel.sh: $(basename "$wheel") in Python $version"
    (cd "$here" && "$env/bin/pytest" -q -p no:cacheprovider tests/test_context.py tests/test_set.py tests/test_values.py)
    tested+=("$version")
done
[ ${#tested[@]} -gt 0 ] || { echo "wheel.sh: no Python to test in" >&2; exit 1; }
echo "wheel.sh: $wheel works in ${tested[*]}"
