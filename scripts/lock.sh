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
lock dev.txt pyproject.toml --all-extras --group dev requirements/build.in
lock prefect.txt requirements/prefect.in
lock prefect2.txt requirements/prefect2.in
