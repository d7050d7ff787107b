"""A lifelike estate in a stopped server's database: what a team has after a month, with as many runs as asked for.

50 flows, 200 deployments and 10 pools are made through the API, and one run of each kind with its task run and its log.
The runs are then cast from those: each has ids, names, moments and a length of its own, and the states, events, task
runs and log lines that such a run has. A few deployments have most of the runs, one fails often, some runs are late,
some run.
"""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.live.api import Api
from tests.live.postgres import Postgres

from benchmarks.api import after
from benchmarks.moulds import PENSTOCK, Mould, Place, Values, Writer

FLOWS, DEPLOYMENTS, POOLS, DAYS = 50, 200, 10, 30
FAILING = 7
"""The number of the deployment whose runs fail more often than not."""
AHEAD = 2_000
"""Runs that are scheduled within the next day."""
LATE, ACTIVE, PAUSED = 300, 50, 5
KEPT_FOR = {"event": 7, "task_run": 10, "task_run_state": 10, "log": 2}
"""How many days back events, task runs and log lines reach: retention has taken the older ones."""
LINES = 5
"""Log lines of a run."""
BATCH = 20_000

WAYS: dict[str, tuple[str, ...]] = {
    "Completed": ("PENDING", "RUNNING", "COMPLETED"),
    "Failed": ("PENDING", "RUNNING", "FAILED"),
    "Crashed": ("PENDING", "RUNNING", "CRASHED"),
    "Cancelled": ("PENDING", "CANCELLED"),
    "Running": ("PENDING", "RUNNING"),
    "Pending": ("PENDING",),
    "Paused": ("PENDING", "RUNNING", "PAUSED"),
    "Late": ("Late",),
    "Scheduled": (),
}
"""The states that a run of each kind goes through."""


@dataclass(frozen=True)
class Made:
    """What the API made: where runs belong, and the run of each kind that others are cast from."""

    places: list[Place]
    pools: list[str]
    moulds: dict[str, str]


def known(note: Mapping[str, Any]) -> Made:
    """What was made before, from how it was noted."""
    places = [Place(**place) for place in note["places"]]
    return Made(places, list(note["pools"]), dict(note["moulds"]))


def make(api: Api) -> Made:
    """The estate without its runs."""
    pools = [f"pool-{number}" for number in range(POOLS)]
    for name in pools:
        api.post("/work_pools/", {"name": name, "type": "process"})
    flows = [(str(api.post("/flows/", {"name": f"flow-{n:02}"})["id"]), f"flow-{n:02}") for n in range(FLOWS)]
    places = []
    for number in range(DEPLOYMENTS):
        flow, flow_name = flows[number % FLOWS]
        name, pool = f"deployment-{number:03}", pools[number % POOLS]
        body = {"name": name, "flow_id": flow, "work_pool_name": pool, "entrypoint": "flow.py:noop", "path": "."}
        made = api.post("/deployments/", {**body, "tags": [f"team-{number % 5}"]})
        home = api.get(f"/work_pools/{pool}")
        places.append(Place(made["id"], name, flow, flow_name, made["work_queue_id"], home["id"], pool))
    return Made(places, pools, {kind: _mould(api, places[0], ways) for kind, ways in WAYS.items()})


def _mould(api: Api, place: Place, ways: tuple[str, ...]) -> str:
    """A run that went a way, with a task and a log."""
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": after(0)}}
    run = str(api.post(f"/deployments/{place.deployment}/create_flow_run", {"state": due})["id"])
    for kind in ways:
        named = {"type": "SCHEDULED", "name": kind} if kind == "Late" else {"type": kind, "message": "It went so."}
        api.post(f"/flow_runs/{run}/set_state", {"state": named, "force": True})
    if "RUNNING" in ways:
        task = api.post("/task_runs/", {"flow_run_id": run, "task_key": "load-0", "dynamic_key": "0", "name": "load-0"})
        for kind in ways[1:2] + (("COMPLETED",) if ways[-1] == "COMPLETED" else ()):
            api.post(f"/task_runs/{task['id']}/set_state", {"state": {"type": kind}, "force": True})
        line = {"name": "flow", "level": 20, "message": "Loaded 4,096 rows.", "flow_run_id": run}
        api.post("/logs/", [{**line, "timestamp": after(0)} for _ in range(LINES)])
    return run


def fill(writer: Writer, made: Made, runs: int, now: datetime, tables: Mapping[str, str] = PENSTOCK) -> None:
    """Adds that many runs, the oldest first; `tables` say whose database it is."""
    chance = random.Random(42)
    moulds = {kind: Mould(writer, tables, run_id, made.places[0]) for kind, run_id in made.moulds.items()}
    rows: dict[str, list[Values]] = defaultdict(list)
    for number, (kind, begins, place) in enumerate(_history(made.places, runs, _whole(now), chance)):
        stretch = chance.lognormvariate(6.0, 1.5)
        mould = moulds[kind]
        for table, some in mould.cast(begins, stretch, f"brisk-heron-{number}", place, chance).items():
            if _kept(table, begins, _whole(now)):
                rows[table] += some
        if number % BATCH == BATCH - 1:
            _flush(writer, moulds["Completed"], rows)
    _flush(writer, moulds["Completed"], rows)
    writer.finish()


def _history(places: list[Place], runs: int, now: int, chance: random.Random) -> Iterator[tuple[str, int, Place]]:
    """Kind, beginning and place of each run, by time."""
    weights = [1 / (number + 2) for number in range(len(places))]
    past, month = runs - AHEAD - LATE - ACTIVE - PAUSED, DAYS * 86_400_000_000
    order = chance.choices(range(len(places)), weights, k=past)
    for index, number in enumerate(order):
        dice = chance.random()
        bad = 0.6 if number == FAILING else 0.03
        kind = (
            "Failed" if dice < bad else "Crashed" if dice < bad + 0.01 else "Cancelled" if dice > 0.99 else "Completed"
        )
        yield kind, now - month + index * month // past, places[number]
    for kind, count, begin, end in (
        ("Late", LATE, -7_200, -60),
        ("Paused", PAUSED, -7_200, -600),
        ("Pending", ACTIVE // 5, -60, 0),
        ("Running", ACTIVE - ACTIVE // 5, -600, 0),
        ("Scheduled", AHEAD, 60, 86_400),
    ):
        for moment in sorted(chance.randrange(begin, end) for _ in range(count)):
            yield kind, now + moment * 1_000_000, chance.choice(places)


def _kept(table: str, begins: int, now: int) -> bool:
    days = KEPT_FOR.get(table.removesuffix("s"))
    return days is None or begins > now - days * 86_400_000_000


def _flush(writer: Writer, mould: Mould, rows: dict[str, list[Values]]) -> None:
    for table, some in rows.items():
        writer.add(table, mould.columns[table], some)
    rows.clear()


def _whole(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


class SqliteWriter:
    """Fills a file."""

    def __init__(self, file: Path) -> None:
        self.file = sqlite3.connect(file, isolation_level=None)
        self.file.execute("pragma synchronous = off")
        self.file.execute("pragma cache_size = -400000")

    def read(self, table: str, where: str) -> tuple[list[str], list[Values]]:
        """The columns of a table, and its rows under a condition."""
        found = self.file.execute(f"select * from {table} where {where}")
        return [one[0] for one in found.description], [list(row) for row in found]

    def add(self, table: str, columns: Sequence[str], rows: list[Values]) -> None:
        """Adds rows."""
        holes = ", ".join("?" * len(columns))
        self.file.execute("begin")
        self.file.executemany(f"insert into {table} ({', '.join(columns)}) values ({holes})", rows)
        self.file.execute("commit")

    def finish(self) -> None:
        """Has the database learn what it holds now, and lets go of it."""
        self.file.execute("analyze")
        self.file.execute("pragma wal_checkpoint(truncate)")
        self.file.close()


class PostgresWriter:
    """Fills a database of a cluster."""

    def __init__(self, cluster: Postgres, url: str) -> None:
        import asyncio

        import asyncpg

        self.cluster, self.url = cluster, url
        self.loop = asyncio.new_event_loop()
        self.connection = self.loop.run_until_complete(asyncpg.connect(url.replace("+asyncpg", "")))

    def read(self, table: str, where: str) -> tuple[list[str], list[Values]]:
        """The columns of a table, and its rows under a condition."""
        found = self.loop.run_until_complete(self.connection.prepare(f"select * from {table} where {where}"))
        columns = [one.name for one in found.get_attributes()]
        return columns, [list(row.values()) for row in self.loop.run_until_complete(found.fetch())]

    def add(self, table: str, columns: Sequence[str], rows: list[Values]) -> None:
        """Adds rows."""
        self.loop.run_until_complete(self.connection.copy_records_to_table(table, records=rows, columns=list(columns)))

    def finish(self) -> None:
        """Has the database learn what it holds now, and lets go of it."""
        self.loop.run_until_complete(self.connection.close())
        self.loop.close()
        self.cluster.query(self.url, "vacuum analyze")
