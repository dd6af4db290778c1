#!/bin/sh
# Finds a Python that will do (PYTHON=… chooses one) and lets it make .venv: see setup.py.
set -eu

new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if new_enough "$candidate"; then
        exec "$candidate" "$(dirname "$0")/setup.py"
    fi
done
echo "setup: Python 3.11 or newer is needed, and none was found:" \
    "install it, or say PYTHON=/path/to/python3." >&2
exit 1
