#!/usr/bin/env bash
# Sets up everything that the tests need, then runs them: lint, types, tests.
#   bash tests/run.sh [pytest arguments]
# With INSTALL=no the Python packages are taken as they are; `-n 0` runs the tests in one process.
# On Debian and Ubuntu missing system packages are installed where we may (root), else named.
set -euo pipefail
cd "$(dirname "$0")/.."

# What is looked for, and the Debian package that has it.
commands=(Xvfb:xvfb xdotool:xdotool openbox:openbox ffprobe:ffmpeg)
libraries=(libGL.so.1:libgl1 libgthread-2.0.so.0:libglib2.0-0 libX11.so.6:libx11-6 libXext.so.6:libxext6 libSM.so.6:libsm6)
missing=()
for pair in "${commands[@]}"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
browser=
for name in chromium chromium-browser google-chrome; do command -v "$name" >/dev/null && browser=$name; done
[ -n "$browser" ] || missing+=(chromium)
known=$(ldconfig -p 2>/dev/null || true)
if [ -n "$known" ]; then
    for pair in "${libraries[@]}"; do [[ $known == *"${pair%%:*}"* ]] || missing+=("${pair##*:}"); done
fi
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    else
        echo "these are missing; install them and run this again:" >&2
        echo "  sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

venv=${VENV:-.venv}
if [ "${INSTALL:-yes}" = yes ]; then
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install -q -c tests/constraints.txt -e '.[dev]'
fi

"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
# Two processes: many tests wait more than they compute.
exec "$venv/bin/python" -m pytest -n 2 --dist worksteal "$@"
