"""Rows of new runs, cast from the rows that a database keeps of one run: of our server's database, or of Prefect's.

Whatever names the run, its place or a moment is a gap that each cast fills; the rest is the same in all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")
MOMENTS = frozenset(
    {"state_timestamp", "start_time", "end_time", "expected_start_time", "next_scheduled_start_time"}
    | {"created", "updated", "timestamp", "occurred"}
)
EPOCH = datetime(1970, 1, 1)
_TASKS = "(select id from {tasks} where flow_run_id = '{id}')"
PENSTOCK = {
    "flow_runs": "id = '{id}'",
    "flow_run_states": "flow_run_id = '{id}'",
    "events": "resource_id = 'prefect.flow-run.{id}'",
    "task_runs": "flow_run_id = '{id}'",
    "task_run_states": "task_run_id in " + _TASKS.replace("{tasks}", "task_runs"),
    "logs": "flow_run_id = '{id}'",
}
"""Where the rows of a run are: a condition by table, the table of runs first."""
PREFECT = {
    "flow_run": "id = '{id}'",
    "flow_run_state": "flow_run_id = '{id}'",
    "task_run": "flow_run_id = '{id}'",
    "task_run_state": "task_run_id in " + _TASKS.replace("{tasks}", "task_run"),
    "log": "flow_run_id = '{id}'",
}
"""The same in Prefect's database, but for events."""
Values = list[Any]


class Writer(Protocol):
    """A database that is filled without its server."""

    def read(self, table: str, where: str) -> tuple[list[str], list[Values]]:
        """The columns of a table, and its rows under a condition."""

    def add(self, table: str, columns: Sequence[str], rows: list[Values]) -> None:
        """Adds rows."""

    def finish(self) -> None:
        """Has the database learn what it holds now, and lets go of it."""


@dataclass(frozen=True)
class Place:
    """A deployment and what is around it."""

    deployment: str
    deployment_name: str
    flow: str
    flow_name: str
    queue: str
    pool: str
    pool_name: str


class Mould:
    """One run's rows with gaps for what differs from run to run."""

    def __init__(self, writer: Writer, tables: Mapping[str, str], run_id: str, place: Place) -> None:
        found = {table: writer.read(table, where.format(id=run_id)) for table, where in tables.items()}
        self.runs = next(iter(tables))
        self.columns = {table: columns for table, (columns, _) in found.items()}
        self.begins = _moment(self._of(found, "expected_start_time"))
        texts = [
            value
            for columns, rows in found.values()
            for row in rows
            for name, value in zip(columns, row, strict=True)
            if isinstance(value, str) and name != "total_run_time"
        ]
        self.stamps = sorted({stamp for text in texts for stamp in STAMP.findall(text)})
        self.ids = sorted({str(row[columns.index("id")]) for columns, rows in found.values() for row in rows})
        self.names = [str(self._of(found, "name")), *vars(place).values()]
        gaps = {text: index for index, text in enumerate([*self.ids, *self.names, *self.stamps])}
        cut = re.compile("|".join(re.escape(text) for text in sorted(gaps, key=len, reverse=True)))
        self.rows = {
            table: [
                [self._part(name, value, cut, gaps) for name, value in zip(columns, row, strict=True)] for row in rows
            ]
            for table, (columns, rows) in found.items()
        }

    def cast(
        self, begins: int, stretch: float, name: str, place: Place, chance: random.Random
    ) -> dict[str, list[Values]]:
        """The rows of a new run by table; `begins` in microseconds, `stretch` times as long as the mould's."""
        fresh = [_new_id(begins, chance) for _ in self.ids]
        stamps = [_text(self._moved(_moment(stamp), begins, stretch), stamp[10]) for stamp in self.stamps]
        filling = [*fresh, name, *vars(place).values(), *stamps]

        def filled(part: Any) -> Any:
            if isinstance(part, tuple):
                words, gaps = part
                words = list(words)
                words[1::2] = [filling[gap] for gap in gaps]
                return "".join(words)
            if isinstance(part, _Length):
                return part.seconds * stretch if part.since is None else _text(int(part.seconds * stretch * 1e6), " ")
            return self._moved(part.micros, begins, stretch) if isinstance(part, _Moment) else part

        return {table: [[filled(part) for part in row] for row in rows] for table, rows in self.rows.items()}

    def _moved(self, micros: int, begins: int, stretch: float) -> int:
        return begins + int((micros - self.begins) * stretch)

    def _of(self, found: Mapping[str, tuple[list[str], list[Values]]], column: str) -> Any:
        columns, rows = found[self.runs]
        return rows[0][columns.index(column)]

    @staticmethod
    def _part(name: str, value: Any, cut: re.Pattern[str], gaps: Mapping[str, int]) -> Any:
        if name == "total_run_time":
            return _Length(_moment(value) / 1e6, EPOCH) if isinstance(value, str) else _Length(value)
        if isinstance(value, str):
            pieces = cut.split(value)
            words = [""] * (2 * len(pieces) - 1)
            words[::2] = pieces
            return (words, [gaps[text] for text in cut.findall(value)]) if len(pieces) > 1 else value
        return _Moment(value) if name in MOMENTS and value is not None else value


@dataclass(frozen=True)
class _Moment:
    micros: int


@dataclass(frozen=True)
class _Length:
    seconds: float
    since: datetime | None = None
    """What Prefect's database counts lengths from: they are moments there."""


def _new_id(begins: int, chance: random.Random) -> str:
    head = (begins // 1000 << 80) | (0x7 << 76) | (chance.getrandbits(12) << 64)
    return str(UUID(int=head | (0x2 << 62) | chance.getrandbits(62)))


def _moment(value: int | str) -> int:
    """Microseconds of a moment in either database."""
    return value if isinstance(value, int) else (datetime.fromisoformat(value) - EPOCH) // timedelta(microseconds=1)


def _text(micros: int, sign: str) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat(sign, "microseconds")
