"""What goes wrong: the failed and crashed runs of a selection, grouped by whose they are.

They are counted in an index of their own. A month may have a hundred thousand, so no request counts more than a bounded
number of the newest, and says how far it came; fewer still are read for their reasons.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from penstock.clock import from_micros
from penstock.store.columns import STARTED
from penstock.store.database import Query, Row, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import statement
from penstock.wire.recent_runs import RecentRun
from penstock.wire.run_failures import Failures, FailuresFound
from penstock.wire.states import StateType

MOST_COUNTED = 20_000
MOST_READ = 500
LONGEST_REASON = 200
_MOMENT = STARTED.format(t="flow_runs")
_NEWEST = (
    "select flow_runs.id, flow_runs.flow_id, flow_runs.deployment_id, flow_runs.state_type, {moment} as moment"
    " from flow_runs{index} where flow_runs.state_type in ('FAILED', 'CRASHED') and {where}"
    " order by {moment} desc, flow_runs.id desc limit :most"
)
_COUNTED = (
    "select flow_id, deployment_id, state_type, count(*), max(moment), min(moment) from ({newest}) newest"
    " group by flow_id, deployment_id, state_type"
)
_READ = (
    "select flow_runs.flow_id, flow_runs.deployment_id, flow_runs.id, flow_runs.name, flow_runs.state_type,"
    " flow_runs.state_name, flow_runs.start_time, flow_runs.expected_start_time,"
    " (select s.doc from flow_run_states s where s.id = flow_runs.state_id)"
    " from flow_runs where flow_runs.id in (select id from ({newest}) newest) order by {moment} desc, flow_runs.id desc"
)
_INDEX = {"sqlite": " indexed by flow_runs_wrong", "postgres": ""}
_Owner = tuple[str, str | None]


class _Said(msgspec.Struct):
    """What of a state is read."""

    message: str | None = None


_decode = msgspec.json.Decoder(_Said).decode


@dataclass
class _Group:
    """What is known of the failures of one deployment or flow."""

    counts: Counter[str] = field(default_factory=Counter)
    last_at: int = 0
    read: list[Row] = field(default_factory=list)


@intent
def group_failures(selection: Selection) -> Steps[FailuresFound]:
    """The failures by deployment, or by flow where a run has none."""
    groups: defaultdict[_Owner, _Group] = defaultdict(_Group)
    oldest: list[int] = []
    for flow, deployment, kind, count, newest, first in (yield _query(selection, _COUNTED, MOST_COUNTED)):
        group = groups[flow, deployment]
        group.counts[kind] += count
        group.last_at = max(group.last_at, newest)
        oldest.append(first)
    for row in (yield _query(selection, _READ, MOST_READ)):
        groups[row[0], row[1]].read.append(row)
    found = sorted((_shown(*one) for one in groups.items()), key=lambda one: one.runs, reverse=True)
    is_bounded = sum(one.runs for one in found) == MOST_COUNTED
    return FailuresFound(groups=found, reached=from_micros(min(oldest)) if is_bounded else None)


def _query(selection: Selection, text: str, most: int) -> Query:
    newest = _NEWEST.replace("{index}", _INDEX[selection.dialect]).replace("{where}", selection.where)
    whole = text.replace("{newest}", newest).replace("{moment}", _MOMENT)
    return Query(statement("failures", whole), {**selection.parameters, "most": most})


def _shown(owner: _Owner, group: _Group) -> Failures:
    flow, deployment = owner
    ((reason, number),) = Counter(_reason(row) for row in group.read).most_common(1) or [("", 0)]
    return Failures(
        flow_id=UUID(flow),
        deployment_id=UUID(deployment) if deployment else None,
        failed=group.counts["FAILED"],
        crashed=group.counts["CRASHED"],
        last_at=from_micros(group.last_at),
        read=len(group.read),
        reason=reason,
        of_reason=number,
        last=_run(group.read[0]) if group.read else None,
    )


def _reason(row: Row) -> str:
    """The first line of what its state says."""
    lines = ((_decode(row[-1]).message or "") if row[-1] else "").strip().splitlines()
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
