#!/bin/sh
# Sees to it that PostgreSQL's server programs are there. Without them, and without the right to install them,
# the tests that need them are skipped, and say so.
set -eu
if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing postgresql ..." >&2
    apt-get -qq update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends postgresql >/dev/null
else
    echo "PostgreSQL is not installed: its tests will be skipped." >&2
fi
