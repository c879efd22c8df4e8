#!/usr/bin/env bash
# Sets up everything that the tests need, then runs them: lint, types, tests.
#   bash tests/run.sh [pytest arguments]
# On Debian and Ubuntu missing system packages are installed where we may (root), else named.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(xvfb xdotool ffmpeg libgl1 libegl1 libglib2.0-0 libxcb-cursor0 python3-venv)
if command -v dpkg-query >/dev/null; then
    missing=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        if [ "$(id -u)" = 0 ]; then
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
        else
            echo "these Debian packages are missing; install them and run this again:" >&2
            echo "  sudo apt-get install ${missing[*]}" >&2
            exit 1
        fi
    fi
fi

venv=${VENV:-.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install -q -c tests/constraints.txt -e '.[dev]'

"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
exec "$venv/bin/python" -m pytest "$@"
