"""Fills a stopped Penstock server's database with the history of many runs, by cloning one that went through the API.

The clones have ids, names and moments of their own (spread over the last 30 days) and their states; one in
twenty failed. Cloning happens inside the database, so that a million takes a minute and not an hour.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.live.postgres import Postgres

ID = "'00000000-0000-7000-'||substr(k.code, 1, 4)||'-'||substr(k.code, 5, 12)"
"""The id of a clone, from its number as 16 hexadecimal digits; the random part of real ones sorts after it."""
MOMENTS = ("state_timestamp", "start_time", "end_time", "expected_start_time", "created", "updated", "timestamp")
BATCH = 50_000

SERIES = {
    "sqlite": "with recursive n(i) as (select {first} union all select i + 1 from n where i + 1 < {end}),"
    " k as materialized (select i, printf('%016x', i) as code, abs(random()) % 2592000000000 as ago,"
    " abs(random()) % 20 = 0 as bad from n)",
    "postgres": "with k as materialized (select i, lpad(to_hex(i), 16, '0') as code,"
    " cast(random() * 2592000000000 as bigint) as ago, random() < 0.05 as bad"
    " from generate_series({first}, {end} - 1) i)",
}


class History:
    """One database, of either kind, and the finished run whose clones it is filled with."""

    def __init__(self, run_id: str, file: Path | None, cluster: Postgres | None, url: str | None) -> None:
        self.run_id = run_id
        self.cluster, self.url = cluster, url
        self.file = sqlite3.connect(file, isolation_level=None) if file else None
        self.dialect = "sqlite" if file else "postgres"

    def fill(self, first: int, end: int) -> None:
        """Adds the clones numbered from `first` up to before `end`."""
        for begin in range(first, end, BATCH):
            series = SERIES[self.dialect].format(first=begin, end=min(end, begin + BATCH))
            for statement in (self._runs(), self._states()):
                self._execute(f"insert into {statement[0]} {series} {statement[1]}")
        self._execute("analyze" if self.dialect == "sqlite" else "vacuum analyze")

    def close(self) -> None:
        """Lets go of the file, so that a server may open it."""
        if self.file:
            self.file.close()

    def _runs(self) -> tuple[str, str]:
        names = self._columns("flow_runs")
        own = {
            "id": ID,
            "name": "'scale-'||k.i",
            "idempotency_key": "null",
            "state_type": "case when k.bad then 'FAILED' else r.state_type end",
            "state_name": "case when k.bad then 'Failed' else r.state_name end",
            "doc": f"replace(replace(r.doc, r.id, {ID}), '\"name\":\"'||r.name||'\"', '\"name\":\"scale-'||k.i||'\"')",
        }
        return f"flow_runs ({', '.join(names)})", self._select("flow_runs", "r.id", names, own)

    def _states(self) -> tuple[str, str]:
        names = self._columns("flow_run_states")
        own = {"id": f"substr(r.id, 1, 18)||substr({ID}, 19)", "flow_run_id": ID}
        return f"flow_run_states ({', '.join(names)})", self._select("flow_run_states", "r.flow_run_id", names, own)

    def _select(self, table: str, key: str, names: list[str], own: dict[str, str]) -> str:
        values = [own.get(name) or (f"r.{name} - k.ago" if name in MOMENTS else f"r.{name}") for name in names]
        return f"select {', '.join(values)} from k, {table} r where {key} = '{self.run_id}'"

    def _columns(self, table: str) -> list[str]:
        if self.file:
            return [row[1] for row in self.file.execute(f"pragma table_info({table})")]
        question = f"select column_name from information_schema.columns where table_name = '{table}'"
        assert self.cluster
        assert self.url
        return self.cluster.query(self.url, question).split()

    def _execute(self, sql: str) -> None:
        if self.file:
            self.file.execute(sql)
            return
        assert self.cluster
        assert self.url
        self.cluster.query(self.url, sql)
