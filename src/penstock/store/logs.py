"""Log lines: written in batches, read by run in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

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

_COLUMNS = ("flow_run_ids", "timestamps", "ids", "task_run_ids", "levels", "docs")
_encode_lines = msgspec.json.Encoder().encode_lines


def create_logs(logs: Sequence[LogCreate], now: datetime, dialect: str) -> Intent[list[str]]:
    """Writes lines and gives their JSON; NUL characters, which PostgreSQL can't keep, are left out.

    A line is a sign of life: it extends the lease of its run if there is one that no Penstock worker holds.
    It never makes one, for a run that logs need not log again within any time.
    """
    rows = _rows(logs, now)
    docs = [row[5] for row in rows]
    life = {"until": to_micros(now + SIGN_OF_LIFE_LEASE), "soon": to_micros(now + SIGN_OF_LIFE_LEASE - RENEWED_EVERY)}
    runs = sorted({row[0] for row in rows} - {""})
    if dialect == "sqlite":
        renewals = SQL.renew_by_log.each([{"id": run, **life} for run in runs])
        return _write([SQL.create_logs.each(rows), renewals], docs)
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    return _write([SQL.create_logs.alone(**columns, **life, runs=runs)], docs)


def list_logs(criteria: Criteria, dialect: str, *, most: int = MOST) -> Intent[bytes]:
    """The JSON array of the lines that fit, the earliest first unless asked otherwise."""
    return rows_as_array(select("logs", criteria, dialect, most=most))


@intent
def _write(queries: Sequence[Query], docs: list[str]) -> Steps[list[str]]:
    for query in queries:  # noqa: UP028 - an iterator can not be sent the rows
        yield query
    return docs


def _rows(logs: Sequence[LogCreate], now: datetime) -> list[tuple[str, int, str, str | None, int, str]]:
    """The lines as rows. This runs for every line of every run, so ids count up from one that is made anew."""
    first = str(new_id())
    head, start = first[:24], int(first[24:], 16)
    stamp = encode(now).decode()
    middle = f'","created":{stamp},"updated":{stamp},'
    text_of = _Texts()
    rows = []
    for number, (log, text) in enumerate(zip(logs, _lines(logs), strict=True), start):
        id = f"{head}{number & 0xFFFFFFFFFFFF:012x}"
        run, task = log.flow_run_id, log.task_run_id
        rows.append(
            (
                text_of[run.int] if run else "",
                to_micros(log.timestamp),
                id,
                text_of[task.int] if task else None,
                log.level,
                f'{{"id":"{id}{middle}{text[1:]}',
            )
        )
    return rows


class _Texts(dict[int, str]):
    """The texts of ids, each made once: a batch names few."""

    def __missing__(self, number: int) -> str:
        text = self[number] = str(UUID(int=number))
        return text


def _lines(logs: Sequence[LogCreate]) -> list[str]:
    """The JSON of each line."""
    text = _encode_lines(logs).decode()
    if "\\u0000" in text:
        text = _encode_lines([_without_nul(log) for log in logs]).decode()
    return text.split("\n")[:-1]


def _without_nul(log: LogCreate) -> LogCreate:
    return msgspec.structs.replace(log, name=log.name.replace("\0", ""), message=log.message.replace("\0", ""))
