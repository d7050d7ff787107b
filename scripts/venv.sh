#!/bin/sh
# venv.sh FOLDER REQUIREMENTS: a virtual environment with exactly these packages.
set -eu
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2
    exit 1
}
rm -rf "$1"
"$python" -m venv "$1"
echo "Installing $2 into $1 ..." >&2
# The lock is complete; older pips go wrong when they resolve a locked package that has extras.
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement "$2"
