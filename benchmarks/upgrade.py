"""`python -m benchmarks.upgrade`: a thousand deployments of agents go to workers, and come back.

Each command is a process of its own, as a person starts it; peak memory is what the kernel counted of it. An upgrade
is killed with kill -9 in the middle, and the same command goes on: a deployment that is neither as it was nor as it is
to be would be half of each.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.live.programs import Shell, penstock
from tests.live.servers import Server
from tests.upgrade.estate import POOL, make_estate

from benchmarks.machine import cpu_seconds, memory_mib
from benchmarks.page import keep, write_page
from benchmarks.run import database_url

Figures = dict[str, float]
CHANGED = ("work_pool_name", "work_queue_name", "job_variables", "pull_steps", "path", "storage_document_id")


def main() -> None:
    """Measures what was asked for, keeps the figures and rewrites the tables."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.upgrade", description=__doc__.partition("\n")[0])
    arguments.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="only this (repeatable)")
    arguments.add_argument("--deployments", type=int, default=1000, help="how many there are")
    given = arguments.parse_args()
    for database in given.database or ("sqlite", "postgres"):
        keep(f"upgrade-{database}", measure(database, given.deployments))
    write_page()


def measure(database: str, count: int) -> dict[str, Figures]:
    """The figures of each command, and of the kill."""
    figures: dict[str, Figures] = {}
    with (
        tempfile.TemporaryDirectory(prefix="upgrade-", ignore_cleanup_errors=True) as name,
        database_url(database, Path(name)) as url,
    ):
        server = Server(penstock(), Path(name) / "server", url)
        server.home.mkdir()
        try:
            server.start()
            ids = make_estate(server.api, count)
            for what, found in steps(server, server.shell(Path(name)), ids):
                print(f"{database} {what}: {json.dumps(found)}", flush=True)
                figures[what] = found
        finally:
            server.stop()
    return figures


def steps(server: Server, shell: Shell, ids: list[str]) -> Iterator[tuple[str, Figures]]:
    """The commands in their order, each on what the one before has left."""
    machine = {"load": round(os.getloadavg()[0], 2), "deployments": float(len(ids))}
    yield "before", machine
    before = standings(server)
    yield "plan", command(server, shell, "plan")
    yield "verify", command(server, shell, "verify")
    yield "killed", killed(server, shell, ids, before)
    yield "rollback of a part", command(server, shell, "rollback", "--all", "--yes")
    yield "apply", command(server, shell, "apply", "--all", "--yes")
    yield "apply again", command(server, shell, "apply", "--all", "--yes")
    yield "rollback", command(server, shell, "rollback", "--all", "--yes")
    assert standings(server) == before


def command(server: Server, shell: Shell, *words: str) -> Figures:
    """One command: seconds, its peak memory, and what the server spent on it."""
    assert server.process is not None
    spent, begun = cpu_seconds(server.process.pid), time.perf_counter()
    process = os.posix_spawn(
        shell.program.command,
        [shell.program.command, "upgrade", *words],
        shell.program.environment(shell.home, shell.api),
        file_actions=[(os.POSIX_SPAWN_OPEN, one, os.devnull, os.O_RDWR, 0) for one in (0, 1, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    taken = time.perf_counter() - begun
    assert os.waitstatus_to_exitcode(status) == 0, f"upgrade {' '.join(words)} ended with {status}"
    return {
        "s": round(taken, 2),
        "mib": _peak(usage),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "server_cpu_s": round(cpu_seconds(server.process.pid) - spent, 2),
        "server_mib": round(memory_mib(server.process.pid), 1),
    }


def _peak(usage: resource.struct_rusage) -> float:
    return round(usage.ru_maxrss / 1024, 1)


def killed(server: Server, shell: Shell, ids: Sequence[str], before: dict[str, Any]) -> Figures:
    """An upgrade ended by kill -9 when half of the deployments have moved: how many are old, new, and neither."""
    running = shell.start("upgrade", "apply", "--all", "--yes", log=shell.folder / "killed.log")
    while running.poll() is None and upgraded(server, ids) < len(ids) // 2:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    time.sleep(1)  # the server ends the few requests that were on their way
    halfway = standings(server)
    moved = {name for name, one in halfway.items() if one["work_pool_name"] != POOL}
    recorded = {one["deployment_id"]: one["after"] for one in records(server, ids)}
    half = sum(halfway[name] != before[name] for name in set(before) - moved)
    half += sum(any(recorded.get(name, {}).get(one) != halfway[name][one] for one in CHANGED) for name in moved)
    return {"old": float(len(before) - len(moved)), "new": float(len(moved)), "half": float(half)}


def upgraded(server: Server, ids: Sequence[str]) -> int:
    """How many are upgraded."""
    return len(records(server, ids))


def records(server: Server, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The upgrades that are recorded."""
    found = []
    for start in range(0, len(ids), 200):
        found += server.api.post("/penstock/upgrades/filter", {"deployment_ids": list(ids[start : start + 200])})
    return [one for one in found if one["status"] == "upgraded"]


def standings(server: Server) -> dict[str, dict[str, Any]]:
    """Each deployment by its id, with what an upgrade changes."""
    found: list[dict[str, Any]] = []
    while page := server.api.post("/deployments/filter", {"limit": 200, "offset": len(found), "sort": "NAME_ASC"}):
        found += page
    return {one["id"]: {name: one[name] for name in CHANGED} for one in found}


if __name__ == "__main__":
    main()
