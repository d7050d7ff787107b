"""Runs that schedules plan ahead: made once for each date, however often the plan is gone over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from penstock.clock import from_micros, to_micros
from penstock.core import schedules as calendar
from penstock.core.run_events import Surroundings
from penstock.core.states import stamp, with_details
from penstock.core.transitions import apply_state
from penstock.names import friendly
from penstock.store.database import Steps, intent
from penstock.store.deployments import SQL, decode, decode_schedule, find
from penstock.store.flow_run_states import SQL as RUNS
from penstock.store.flow_run_states import change_row
from penstock.store.flow_runs import origin
from penstock.wire.deployments import Deployment
from penstock.wire.flow_runs import CreatedBy, FlowRun, FlowRunPolicy
from penstock.wire.schedules import DeploymentSchedule
from penstock.wire.states import StateCreate, StateDetails, StateType

TAG = "auto-scheduled"


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far ahead runs are planned: at least so many and so long, at most so many and so long."""

    min_runs: int = 3
    min_time: timedelta = timedelta(hours=1)
    max_runs: int = 100
    max_time: timedelta = timedelta(days=100)


@intent
def deployments_to_schedule(after: UUID | None, limit: int) -> Steps[list[Deployment]]:
    """Deployments that are not paused and have an active schedule, by id."""
    rows = yield SQL.to_schedule(after=str(after or ""), limit=limit)
    return [decode(row[0]) for row in rows]


@intent
def plan(
    deployment: Deployment, horizon: Horizon, now: datetime, ids: Callable[[], UUID], start: datetime | None = None
) -> Steps[int]:
    """Plans the runs of a deployment's active schedules as far as the horizon asks; gives how many are new.

    The deployment is read again before a run is made of it: it may have been changed since it was looked at.
    """
    planned = {row[0]: (int(row[1]), row[2]) for row in (yield SQL.planned(id=str(deployment.id), now=to_micros(now)))}
    known = [decode_schedule(row[0]) for row in (yield SQL.schedules_of(id=str(deployment.id)))]
    wanting = [one for one in known if one.active and not _is_planned(planned.get(str(one.id)), horizon, now)]
    current = (yield from find(deployment.id)) if wanting else None
    if current is None or (current.paused and not deployment.paused):
        return 0
    made = 0
    for schedule in wanting:
        dates = _dates(schedule, start or now, now, horizon)
        made += yield from _insert(current, schedule, dates, now, ids)
    return made


def _is_planned(known: tuple[int, int] | None, horizon: Horizon, now: datetime) -> bool:
    if known is None:
        return False
    return known[0] >= horizon.min_runs and from_micros(known[1]) >= now + horizon.min_time


def _dates(schedule: DeploymentSchedule, start: datetime, now: datetime, horizon: Horizon) -> list[datetime]:
    """At least `min_runs` dates and up to `min_time` ahead, then no more."""
    most = min(horizon.max_runs, schedule.max_scheduled_runs or horizon.max_runs)
    rule = calendar.parse(schedule.schedule, now=now)
    chosen: list[datetime] = []
    for date in calendar.each_occurrence(rule, start, limit=most, end=now + horizon.max_time):
        chosen.append(date)
        if len(chosen) >= horizon.min_runs and date >= now + horizon.min_time:
            break
    return chosen


def _insert(
    deployment: Deployment,
    schedule: DeploymentSchedule,
    dates: Iterable[datetime],
    now: datetime,
    ids: Callable[[], UUID],
) -> Steps[int]:
    known = yield from origin(deployment.flow_id, deployment.id, deployment.work_queue_id)
    labels: dict[str, Any] = {
        **(known.flow.labels or {}),
        "prefect.flow.id": str(deployment.flow_id),
        **deployment.labels,
        "prefect.deployment.id": str(deployment.id),
    }
    made = 0
    for date in dates:
        run = _planned_run(deployment, schedule, date, ids(), now)
        row = change_row(_first(replace(run, labels=labels), date, ids(), now), None, Surroundings(), now)
        if (yield RUNS.insert_run(**row)):
            yield RUNS.insert_state(**row)
            made += 1
    return made


def _planned_run(
    deployment: Deployment, schedule: DeploymentSchedule, date: datetime, id: UUID, now: datetime
) -> FlowRun:
    return FlowRun(
        id=id,
        name=friendly(random.Random(id.int)),
        flow_id=deployment.flow_id,
        created=now,
        updated=now,
        deployment_id=deployment.id,
        deployment_version=deployment.version,
        work_queue_id=deployment.work_queue_id,
        parameters=deployment.parameters | schedule.parameters,
        idempotency_key=f"scheduled {deployment.id} {schedule.id} {date.isoformat(' ')}",
        tags=[TAG, *deployment.tags],
        empirical_policy=FlowRunPolicy(pause_keys=[]),
        auto_scheduled=True,
        infrastructure_document_id=deployment.infrastructure_document_id,
        created_by=CreatedBy(id=schedule.id, type="SCHEDULE", display_value=schedule.slug or _kind(schedule)),
        job_variables={},
    )


def _kind(schedule: DeploymentSchedule) -> str:
    if "cron" in schedule.schedule:
        return "CronSchedule"
    return "RRuleSchedule" if "rrule" in schedule.schedule else "IntervalSchedule"


def _first(run: FlowRun, date: datetime, state_id: UUID, now: datetime) -> FlowRun:
    proposed = StateCreate(
        type=StateType.SCHEDULED, message="Flow run scheduled", state_details=StateDetails(scheduled_time=date)
    )
    state = with_details(stamp(proposed, id=state_id, now=now), flow_run_id=run.id)
    return apply_state(run, state, now=now)
