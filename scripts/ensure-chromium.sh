#!/bin/sh
# Sees to it that a Chromium is installed. Without one, and without the right to install it, the tests that look at the
# dashboard in a browser are skipped, and say so.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium ..." >&2
    apt-get -qq update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null ||
        echo "chromium could not be installed: its tests will be skipped." >&2
else
    echo "chromium is not installed: the tests that need it will be skipped." >&2
fi
