#!/bin/sh
# Sees to it that azurite, the emulator of Azure's storage, is in a folder ($1, by default .azurite). Without npm, and
# without the right to install it, the tests that need azurite are skipped, and say so.
set -eu
VERSION=3.35.0
FOLDER=${1:-${PENSTOCK_TEST_AZURITE:-.azurite}}
if [ -x "$FOLDER/node_modules/.bin/azurite-blob" ]; then
    exit 0
fi
if ! command -v npm >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing nodejs and npm ..." >&2
    apt-get -qq update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends nodejs npm >/dev/null
fi
if command -v npm >/dev/null; then
    echo "Installing azurite $VERSION ..." >&2
    mkdir -p "$FOLDER"
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$FOLDER" "azurite@$VERSION" >/dev/null ||
        echo "azurite could not be installed: its tests will be skipped." >&2
else
    echo "npm is not installed: the tests that need azurite will be skipped." >&2
fi
