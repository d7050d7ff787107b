"""Log lines: written in batches, read by run in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from penstock.clock import to_micros
from penstock.core.leases import SIGN_OF_LIFE_LEASE
from penstock.ids import new_id
from penstock.store.database import Intent, Query, Steps, intent
from penstock.store.documents import rows_as_array
from penstock.store.filters import MOST, select
from penstock.store.statements import load
from penstock.wire.logs import LogCreate
from penstock.wire.model import Criteria, encode

SQL = load("logs")
RENEWED_EVERY = timedelta(seconds=60)
"""How much of a lease must be gone until a line extends it."""

_COLUMNS = ("flow_run_id", "timestamp", "id", "task_run_id", "level", "doc")


def create_logs(logs: Sequence[LogCreate], now: datetime, dialect: str) -> Intent[list[str]]:
    """Writes lines and gives their JSON; NUL characters, which PostgreSQL can't keep, are left out.

    A line is a sign of life: it extends the lease of its run if there is one that no Penstock worker holds.
    It never makes one, for a run that logs need not log again within any time.
    """
    rows = _rows(logs, now)
    docs = [row["doc"] for row in rows]
    life = {"until": to_micros(now + SIGN_OF_LIFE_LEASE), "soon": to_micros(now + SIGN_OF_LIFE_LEASE - RENEWED_EVERY)}
    runs = sorted({row["flow_run_id"] for row in rows} - {""})
    if dialect == "sqlite":
        renewals = SQL.renew_by_log.each([{"id": run, **life} for run in runs])
        return _write([SQL.create_logs.each(rows), renewals], docs)
    columns = {f"{name}s": [row[name] for row in rows] for name in _COLUMNS}
    return _write([SQL.create_logs.alone(**columns, **life, runs=runs)], docs)


def list_logs(criteria: Criteria, dialect: str, *, most: int = MOST) -> Intent[bytes]:
    """The JSON array of the lines that fit, the earliest first unless asked otherwise."""
    return rows_as_array(select("logs", criteria, dialect, most=most))


@intent
def _write(queries: Sequence[Query], docs: list[str]) -> Steps[list[str]]:
    for query in queries:  # noqa: UP028 - an iterator can not be sent the rows
        yield query
    return docs


def _rows(logs: Sequence[LogCreate], now: datetime) -> list[dict[str, Any]]:
    """The lines as rows. This runs for every line of every run, so ids count up from one that is made anew."""
    first = str(new_id())
    head, start = first[:24], int(first[24:], 16)
    stamp = encode(now).decode()
    middle = f'","created":{stamp},"updated":{stamp},'
    names: dict[UUID | None, str] = {None: ""}
    rows = []
    for number, log in enumerate(logs, start):
        run, task = log.flow_run_id, log.task_run_id
        if run not in names:
            names[run] = str(run)
        if task not in names:
            names[task] = str(task)
        id = f"{head}{number & 0xFFFFFFFFFFFF:012x}"
        rows.append(
            {
                "flow_run_id": names[run],
                "timestamp": to_micros(log.timestamp),
                "id": id,
                "task_run_id": names[task] or None,
                "level": log.level,
                "doc": f'{{"id":"{id}{middle}{_json(log)[1:]}',
            }
        )
    return rows


def _json(log: LogCreate) -> str:
    text = encode(log).decode()
    return text.replace("\\u0000", "") if "\x00" in log.message or "\x00" in log.name else text
