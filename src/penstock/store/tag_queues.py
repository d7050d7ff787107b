"""Queues by tag, from before there were pools: not a place that runs are put in, but a filter over all of agents'.

Runs in pools for workers are left to these, however they are tagged: an upgraded deployment is no agent's any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock.core.pool_types import AGENT_TYPE
from penstock.store.database import Steps, intent
from penstock.store.due_runs import Window
from penstock.store.filters import Selection, select
from penstock.store.flow_run_documents import SHOWN, shown_list
from penstock.wire.model import Criteria
from penstock.wire.work_queues import QueueFilter, WorkQueue

ACTIVE = ["PENDING", "RUNNING"]
OF_AGENTS = f"""not exists (
    select 1 from work_queues q join work_pools p on p.id = q.work_pool_id
    where q.id = flow_runs.work_queue_id and p.type <> '{AGENT_TYPE}'
)"""


def is_by_tag(queue: WorkQueue) -> bool:
    """Whether a queue is such a filter."""
    return queue.filter is not None and bool(queue.filter.tags or queue.filter.deployment_ids)


@intent
def due(queue: WorkQueue, window: Window, dialect: str, now: datetime) -> Steps[bytes]:
    """The JSON array of the due runs of deployments that fit, the earliest first, as far as the queue has room."""
    assert queue.filter is not None
    room = 0 if queue.is_paused else window.limit
    if room and queue.concurrency_limit is not None:
        active = _of_agents(_criteria(queue.filter, {"type": {"any_": ACTIVE}}), dialect)
        room = min(room, queue.concurrency_limit - int((yield active.count())[0][0]))
    if room <= 0:
        return b"[]"
    scheduled = _criteria(
        queue.filter,
        {"type": {"any_": ["SCHEDULED"]}},
        room,
        next_scheduled_start_time={"before_": window.before.isoformat()},
    )
    rows = yield _of_agents(scheduled, dialect).rows(SHOWN[dialect])
    return shown_list(rows, now)


def _of_agents(criteria: Criteria, dialect: str) -> Selection:
    found = select("flow_runs", criteria, dialect)
    return replace(found, where=f"{found.where} and {OF_AGENTS}")


def _criteria(wanted: QueueFilter, state: dict[str, Any], limit: int | None = None, **more: Any) -> Criteria:
    of = {"any_": [str(id) for id in wanted.deployment_ids]} if wanted.deployment_ids else {"is_null_": False}
    fields = {"state": state, "deployment_id": of, **more}
    if wanted.tags:
        fields["tags"] = {"all_": wanted.tags}
    return Criteria(flow_runs=fields, sort="NEXT_SCHEDULED_START_TIME_ASC", limit=limit)
