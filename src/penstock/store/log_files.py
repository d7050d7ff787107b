"""All log lines of a run, for a file."""

from __future__ import annotations

from uuid import UUID

from penstock.store.database import Steps, intent
from penstock.store.statements import statement

_LINES = statement("lines", "select doc from logs where flow_run_id = :id order by timestamp, id")


@intent
def lines_of(run_id: UUID) -> Steps[list[str]]:
    """The JSON of each line, oldest first."""
    return [row[0] for row in (yield _LINES(id=str(run_id)))]
