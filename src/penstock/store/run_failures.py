"""What goes wrong: the newest failed and crashed runs of a selection, grouped by whose they are.

A month may have a hundred thousand of them, and each has to be read for its reason, so no request looks at more than a
bounded number: it says how far it came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from penstock.clock import from_micros
from penstock.store.database import Query, Row, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.wire.recent_runs import RecentRun
from penstock.wire.run_failures import Failures, FailuresFound
from penstock.wire.states import StateType

MOST_LOOKED_AT = 500
"""Runs that are read for one answer."""
LONGEST_REASON = 200
_MOMENT = "coalesce(flow_runs.start_time, flow_runs.expected_start_time)"
# Each state by itself: then its index gives the newest, and no others are looked at.
_NEWEST = (
    f"select * from (select flow_runs.id from flow_runs where flow_runs.state_type = '{{kind}}' and {{where}}"
    f" order by {_MOMENT} desc, flow_runs.id desc limit :most) of_{{kind}}"
)
_FAILURES = (
    "select flow_runs.flow_id, flow_runs.deployment_id, flow_runs.id, flow_runs.name, flow_runs.state_type,"
    " flow_runs.state_name, flow_runs.start_time, flow_runs.expected_start_time,"
    " (select s.doc from flow_run_states s where s.id = flow_runs.state_id)"
    f" from flow_runs where flow_runs.id in ({{failed}} union all {{crashed}})"
    f" order by {_MOMENT} desc, flow_runs.id desc limit :most"
)


class _Said(msgspec.Struct):
    """What of a state is read."""

    message: str | None = None


_decode = msgspec.json.Decoder(_Said).decode


@intent
def group_failures(selection: Selection) -> Steps[FailuresFound]:
    """The failures by deployment, or by flow where a run has none; of the newest, so many as are looked at."""
    rows = yield _query(selection)
    seen = rows[:MOST_LOOKED_AT]
    groups: dict[tuple[str, str | None], list[Row]] = {}
    for row in seen:
        groups.setdefault((row[1] or row[0], row[1]), []).append(row)
    found = [_group(of) for of in groups.values()]
    found.sort(key=lambda one: -(one.failed + one.crashed))
    return FailuresFound(groups=found, reached=_moment(seen[-1]) if len(rows) > len(seen) else None)


def _query(selection: Selection) -> Query:
    failed, crashed = (_NEWEST.format(kind=kind, where=selection.where) for kind in ("FAILED", "CRASHED"))
    text = _FAILURES.format(failed=failed, crashed=crashed)
    return Query(statement("failures", text), {**selection.parameters, "most": MOST_LOOKED_AT + 1})


def _group(rows: Sequence[Row]) -> Failures:
    flow, deployment, *_ = rows[0]
    kinds = Counter(row[4] for row in rows)
    (reason, number), *_ = Counter(_reason(row[8]) for row in rows).most_common(1)
    return Failures(
        flow_id=UUID(flow),
        deployment_id=UUID(deployment) if deployment else None,
        failed=kinds["FAILED"],
        crashed=kinds["CRASHED"],
        reason=reason,
        of_reason=number,
        last=_run(rows[0]),
    )


def _reason(state: str | None) -> str:
    """The first line of what a state says."""
    lines = ((_decode(state).message or "") if state else "").strip().splitlines()
    return lines[0][:LONGEST_REASON] if lines else ""


def _run(row: Row) -> RecentRun:
    flow, deployment, id, name, kind, state, started, expected, _ = row
    return RecentRun(
        of=UUID(deployment or flow),
        id=UUID(id),
        name=name,
        state_type=StateType(kind),
        state_name=state,
        start_time=None if started is None else from_micros(started),
        expected_start_time=None if expected is None else from_micros(expected),
    )


def _moment(row: Row) -> datetime | None:
    started = row[6] if row[6] is not None else row[7]
    return None if started is None else from_micros(started)
