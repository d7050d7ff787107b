#!/bin/sh
# Sees to it that a Docker engine answers, and that a registry's program is there. Without them, and without the right
# to install and start them, the tests that need them are skipped, and say so.
set -eu
LOG=${TMPDIR:-/tmp}/dockerd.log

answers() {
    docker version >/dev/null 2>&1
}

# $1: seconds; $2: the process that is to answer
wait_for() {
    for _ in $(seq "$1"); do
        answers && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 1
    done
    return 1
}

begin() {
    nohup dockerd "$@" >"$LOG" 2>&1 &
    wait_for 30 $! || { kill $! 2>/dev/null || true; return 1; }
}

missing=""
command -v docker >/dev/null || missing="docker.io"
answers || command -v dockerd >/dev/null || missing="docker.io"
command -v docker-registry >/dev/null || missing="$missing docker-registry"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing $missing ..." >&2
        apt-get -qq update >/dev/null
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null
    else
        echo "Not installed: $missing. Tests that need it will be skipped." >&2
    fi
fi
if answers; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
    echo "No Docker engine answers: its tests will be skipped." >&2
    exit 0
fi
echo "Starting dockerd ..." >&2
# In a machine that is itself a container there may be no cgroups mounted, no overlay and no iptables.
if ! mountpoint -q /sys/fs/cgroup; then
    mount -t cgroup2 none /sys/fs/cgroup || true
fi
begin || begin --storage-driver=vfs || begin --storage-driver=vfs --iptables=false --bridge=none ||
    echo "dockerd does not start, so its tests will be skipped. $LOG says why." >&2
