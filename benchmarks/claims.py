"""`python -m benchmarks.claims`: how fast due runs are handed out to waiting workers, and what waiting costs.

Workers are long polls of Penstock's own protocol, one connection each, each asking for one run at a time:

- claims: a backlog of due runs is taken by all workers as fast as they can;
- handed over: all workers wait, and runs are made one by one; from sending the request that makes a run to the
  answer that gives it to a worker, and the server's CPU for each run;
- waiting: nothing is due; the server's CPU as a share of one core.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from tests.live.api import Api
from tests.live.servers import Server

from benchmarks.history import History
from benchmarks.load import Load, encode, load
from benchmarks.machine import cpu_seconds, percentile
from benchmarks.page import keep, write_page
from benchmarks.scale import POOL, Figures, lent, open_history, prepare

WORKERS = (1, 10, 100)
BACKLOG = 600
ONE_BY_ONE = 120
PAUSE = 0.02
"""Seconds between runs that are made one by one, so that each finds the workers waiting."""
WAIT_SECONDS = 20.0
"""How long a worker's claim waits at most."""


def main() -> None:
    """Measures what was asked for, keeps the figures and rewrites the tables."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__.partition("\n")[0])
    arguments.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="only this (repeatable)")
    arguments.add_argument("--runs", type=int, nargs="+", default=[0, 100_000], help="sizes of the history")
    arguments.add_argument("--rest", type=float, default=60, help="seconds for which workers only wait")
    given = arguments.parse_args()
    for database in given.database or ("sqlite", "postgres"):
        keep(f"claims-{database}", measure(database, sorted(given.runs), given.rest))
    write_page()


def measure(database: str, sizes: list[int], rest: float) -> dict[str, Figures]:
    """The figures of each size of the history, and the machine's load before them."""
    figures: dict[str, Figures] = {}
    with (
        tempfile.TemporaryDirectory(prefix="claims-", ignore_cleanup_errors=True) as name,
        lent(database, name) as live,
    ):
        server, postgres = live
        server.start()
        run_id, deployment = prepare(server.api)
        present = 0
        for size in sizes:
            server.stop()
            fill(open_history(server, run_id, postgres), present, size)
            present = size
            server.start()
            machine = {"load": round(os.getloadavg()[0], 2)}
            figures[f"{size:,}"] = {**cases(server, deployment, rest), "machine": machine}
            print(f"{database} {size:,}: {json.dumps(figures[f'{size:,}'])}", flush=True)
    return figures


def fill(history: History, present: int, size: int) -> None:
    if size > present:
        history.fill(present, size)
    history.close()


def cases(server: Server, deployment: str, rest: float) -> Figures:
    """All cases over the history that is there."""
    figures: Figures = {}
    for workers in WORKERS:
        figures[f"claims w={workers}"] = backlog(server.api, deployment, workers)
        figures[f"handed over w={workers}"] = handed_over(server, deployment, workers)
    if rest:
        figures[f"waiting w={WORKERS[-1]}"] = waiting(server, WORKERS[-1], rest)
    return figures


def claims(api: Api, workers: int) -> Iterator[list[bytes]]:
    """Claims without end, each in the name of the next worker."""
    path = f"/penstock/work_pools/{POOL}/claim"
    body = {"limit": 1, "lease_seconds": 600, "wait_seconds": WAIT_SECONDS}
    names = [f"bench-{number}" for number in range(workers)]
    return itertools.cycle([encode(api.url, "POST", path, {"worker_name": name, **body})] for name in names)


def new_due(api: Api, deployment: str) -> bytes:
    path = f"/deployments/{deployment}/create_flow_run"
    return encode(api.url, "POST", path, {"state": {"type": "SCHEDULED"}})


def create(api: Api, request: bytes) -> str:
    """The id of a run that is made now."""
    answers: list[bytes] = []
    load(api.url, [[request]], 1, 60, answers.append)
    return str(json.loads(answers[0])["id"])


def backlog(api: Api, deployment: str, workers: int) -> dict[str, float]:
    """Due runs that are taken as fast as it goes."""
    load(api.url, [[new_due(api, deployment)]] * BACKLOG, 4, 300)
    return load(api.url, itertools.islice(claims(api, workers), BACKLOG), workers, 300)


class Workers:
    """Waiting workers in a thread; `came` are the moments at which each run was given to one."""

    def __init__(self, server: Server, workers: int) -> None:
        self.came: dict[str, float] = {}
        self._workers = workers
        self._over = threading.Event()
        jobs = itertools.takewhile(lambda _: not self._over.is_set(), claims(server.api, workers))
        self._load = Load(server.url, jobs, 3600, self._note)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Workers:
        self._thread.start()
        time.sleep(2)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._load.deadline = 0.0  # those who wait hang up
        self._thread.join(WAIT_SECONDS + 10)

    def _run(self) -> None:
        self._load.run(self._workers)
        for connection in list(self._load.open.values()):
            self._load.close(connection)

    def _note(self, body: bytes) -> None:
        for given in json.loads(body):
            self.came[given["flow_run"]["id"]] = time.perf_counter()


def handed_over(server: Server, deployment: str, workers: int) -> dict[str, float]:
    """Runs that are made one by one, each of them to be given to one of the waiting workers at once."""
    made: dict[str, float] = {}
    request = new_due(server.api, deployment)
    process = server.process.pid if server.process else 0
    with Workers(server, workers) as waiters:
        before = cpu_seconds(process)
        for _ in range(ONE_BY_ONE):
            began = time.perf_counter()
            made[str(create(server.api, request))] = began
            time.sleep(PAUSE)
        deadline = time.monotonic() + 60
        while len(waiters.came) < len(made) and time.monotonic() < deadline:
            time.sleep(0.05)
        cpu = cpu_seconds(process) - before
        times = [waiters.came[run] - began for run, began in made.items() if run in waiters.came]
    return {
        "p50_ms": round(1000 * percentile(times, 0.5), 2),
        "p99_ms": round(1000 * percentile(times, 0.99), 2),
        "cpu_ms_per_run": round(1000 * cpu / ONE_BY_ONE, 2),
        "lost": len(made) - len(times),
    }


def waiting(server: Server, workers: int, seconds: float) -> dict[str, float]:
    """The server's CPU while workers wait and nothing is due."""
    process = server.process.pid if server.process else 0
    with Workers(server, workers):
        before = cpu_seconds(process)
        time.sleep(seconds)
        return {"cpu_percent": round(100 * (cpu_seconds(process) - before) / seconds, 2)}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
