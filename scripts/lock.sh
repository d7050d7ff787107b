#!/bin/sh
# Writes requirements/*.txt anew: exact versions with hashes, no index addresses. Needs uv on the PATH.
set -eu
cd "$(dirname "$0")/.."
lock() {
    output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" --output-file "requirements/$output" "$@"
}
lock runtime.txt pyproject.toml
# Of what judges pages only the script is used, without the library that drives a browser.
lock dev.txt pyproject.toml --all-extras --group dev requirements/build.in \
    --no-emit-package playwright --no-emit-package pyee --no-emit-package greenlet
lock prefect.txt requirements/prefect.in
lock prefect2.txt requirements/prefect2.in
