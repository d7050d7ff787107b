#!/bin/sh
# venv.sh FOLDER REQUIREMENTS [OPTION...]: a virtual environment with exactly these packages; the options are pip's.
set -eu
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2
    exit 1
}
folder=$1
requirements=$2
shift 2
rm -rf "$folder"
"$python" -m venv "$folder"
echo "Installing $requirements into $folder ..." >&2
# The lock is complete; older pips go wrong when they resolve a locked package that has extras.
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps "$@" \
    --requirement "$requirements"
