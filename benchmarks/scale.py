"""`python -m benchmarks.scale`: claims and lists over a small and a large history; the budget is twice the small one.

For each size the stopped server's database is filled (see `history`), the server is started, and each case is
measured by one client. The small history has 1,000 runs, so that every list is full there too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tests.live.api import Api
from tests.live.postgres import Postgres, cluster
from tests.live.programs import penstock
from tests.live.servers import Server

from benchmarks.api import FINISHING, after, new_run
from benchmarks.history import History
from benchmarks.load import encode, load
from benchmarks.page import keep, write_page

SMALL = 1_000
POOL = "scale"
CLAIMS = 300
"""Due runs that are claimed one by one, at each size."""

Figures = dict[str, dict[str, float]]


def main() -> None:
    """Measures what was asked for, keeps the figures and rewrites the tables."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    arguments.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="only this (repeatable)")
    arguments.add_argument("--runs", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of the history")
    arguments.add_argument("--seconds", type=float, default=2, help="how long each list is asked for")
    given = arguments.parse_args()
    for database in given.database or ("sqlite", "postgres"):
        figures = measure(database, [SMALL, *sorted(given.runs)], given.seconds)
        keep(f"scale-{database}", figures)
    write_page()


def measure(database: str, sizes: list[int], seconds: float) -> dict[str, Figures]:
    """The figures of each size, on one database that grows."""
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="scale-", ignore_cleanup_errors=True) as name, lent(database, name) as live:
        server, postgres = live
        server.start()
        run_id, deployment = prepare(server.api)
        present = 0
        for size in sizes:
            server.stop()
            history = open_history(server, run_id, postgres)
            history.fill(present, size)
            history.close()
            present = size
            server.start()
            figures[f"{size:,}"] = cases(server.api, deployment, seconds)
            print(f"{database} {size:,}: {json.dumps(figures[f'{size:,}'])}", flush=True)
        server.stop()
    return figures


@contextmanager
def lent(database: str, name: str) -> Iterator[tuple[Server, Postgres | None]]:
    """A server that is not started yet, with the cluster of its database if there is one."""
    folder = Path(name)
    with cluster(folder) if database == "postgres" else nullcontext() as postgres:
        server = Server(penstock(), folder / "server", postgres.database() if postgres else None)
        server.home.mkdir()
        try:
            yield server, postgres
        finally:
            server.stop()


def open_history(server: Server, run_id: str, postgres: Postgres | None) -> History:
    if postgres:
        return History(run_id, None, postgres, server.database)
    return History(run_id, next(server.home.glob("*.db")), None, None)


def prepare(api: Api) -> tuple[str, str]:
    """A finished run to be cloned, and a deployment in a pool."""
    flow = api.post("/flows/", {"name": "scale"})["id"]
    run = str(api.post("/flow_runs/", new_run(flow))["id"])
    for kind in FINISHING:
        api.post(f"/flow_runs/{run}/set_state", {"state": {"type": kind}})
    api.post("/work_pools/", {"name": POOL, "type": "process"})
    body = {"name": "scale", "flow_id": flow, "work_pool_name": POOL, "entrypoint": "flow.py:noop", "path": "."}
    return run, str(api.post("/deployments/", body)["id"])


def cases(api: Api, deployment: str, seconds: float) -> Figures:
    """Latencies of claims and of each list, by one client."""
    figures = {"claim": claims(api, deployment)}
    for name, (path, body) in lists().items():
        request = encode(api.url, "POST", path, body)
        load(api.url, [[request]] * 3, 1, 60)
        figures[name] = load(api.url, itertools.repeat([request]), 1, seconds)
    return {name: {key: found[key] for key in ("p50_ms", "p99_ms", "refused")} for name, found in figures.items()}


def claims(api: Api, deployment: str) -> dict[str, float]:
    """Due runs, taken one by one."""
    due = encode(api.url, "POST", f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    load(api.url, [[due]] * CLAIMS, 1, 300)
    body = {"worker_name": "bench", "limit": 1, "lease_seconds": 600}
    claim = encode(api.url, "POST", f"/penstock/work_pools/{POOL}/claim", body)
    return load(api.url, [[claim]] * CLAIMS, 1, 300)


def lists() -> dict[str, tuple[str, dict[str, object]]]:
    """What the user interface and the command line ask for: path and body by name."""
    runs = "/flow_runs/filter"
    newest = {"sort": "START_TIME_DESC", "limit": 200}
    day = {"history_start": after(-86_400), "history_end": after(0), "history_interval_seconds": 3600}
    return {
        "200 newest": (runs, newest),
        "200 by expected start": (runs, {"sort": "EXPECTED_START_TIME_DESC", "limit": 200}),
        "50 failed": (runs, {**newest, "limit": 50, "flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}),
        "page 1 of all": ("/flow_runs/paginate", {"sort": "START_TIME_DESC", "limit": 50, "page": 1}),
        "due of a pool": (f"/work_pools/{POOL}/get_scheduled_flow_runs", {"scheduled_before": after(3600)}),
        "count of all": ("/flow_runs/count", {}),
        "a day by hour": ("/flow_runs/history", day),
    }


if __name__ == "__main__":
    main()
