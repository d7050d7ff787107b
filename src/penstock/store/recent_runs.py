"""The last runs of each of some flows or deployments, found by their indexes in one query."""

from __future__ import annotations

import json
from uuid import UUID

from penstock.clock import from_micros, to_micros
from penstock.store.database import Row, Statement, Steps, intent
from penstock.store.statements import statement
from penstock.wire.recent_runs import RecentQuery, RecentRun
from penstock.wire.states import StateType

_MOMENT = "coalesce(x.start_time, x.expected_start_time)"
_SHOWN = "k.value, r.id, r.name, r.state_type, r.state_name, r.start_time, r.expected_start_time"
_EACH = (
    f"from flow_runs x where x.{{column}} = k.value and {_MOMENT} >= :after and {_MOMENT} <= :before{{state}}"
    f" order by {_MOMENT} {{order}}, x.id {{order}} limit :limit"
)
# SQLite has no lateral join, but looks a list up anew for each row that it depends on.
_SQLITE = f"select {_SHOWN} from json_each(:ids) k cross join flow_runs r where r.id in (select x.id {_EACH})"
_POSTGRES = (
    f"select {_SHOWN} from json_array_elements_text(cast(cast(:ids as text) as json)) with ordinality k (value, key)"
    f" cross join lateral (select x.* {_EACH}) r"
)


def _statement(column: str, *, ahead: bool) -> Statement:
    state, order = (" and x.state_type = 'SCHEDULED'", "asc") if ahead else ("", "desc")
    sqlite, postgres = (text.format(column=column, state=state, order=order) for text in (_SQLITE, _POSTGRES))
    return statement("recent_runs", sqlite, postgres)


_STATEMENTS = {
    (of, ahead): _statement(f"{of}_id", ahead=ahead) for of in ("flow", "deployment") for ahead in (False, True)
}


@intent
def list_recent(wanted: RecentQuery) -> Steps[list[RecentRun]]:
    """The runs of all that was asked for, the newest first or, of those ahead, the soonest."""
    rows = yield _STATEMENTS[wanted.of, wanted.ahead](
        ids=json.dumps([str(one) for one in wanted.ids]),
        after=to_micros(wanted.after),
        before=to_micros(wanted.before),
        limit=wanted.limit,
    )
    return [_run(row) for row in sorted(rows, key=_moment_of, reverse=not wanted.ahead)]


def _moment_of(row: Row) -> tuple[int, str]:
    _, id, _, _, _, started, expected = row
    return (expected if started is None else started, id)


def _run(row: Row) -> RecentRun:
    of, id, name, kind, state, started, expected = row
    return RecentRun(
        of=UUID(of),
        id=UUID(id),
        name=name,
        state_type=None if kind is None else StateType(kind),
        state_name=state,
        start_time=None if started is None else from_micros(started),
        expected_start_time=None if expected is None else from_micros(expected),
    )
