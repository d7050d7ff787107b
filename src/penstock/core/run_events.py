"""The event that tells about a written flow-run state. Facts: Prefect API 0.8.4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.wire.events import ReceivedEvent
from penstock.wire.flow_runs import FlowRun
from penstock.wire.states import State


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The names of what a run belongs to, where it belongs to it.

    `cancels_new` says that its deployment cancels runs that are due while no slot of its limit is free.
    """

    flow_name: str | None = None
    deployment_name: str | None = None
    queue_name: str | None = None
    pool_id: str | None = None
    pool_name: str | None = None
    pool_type: str | None = None
    cancels_new: bool = False


def state_event(run: FlowRun, before: State | None, after: State, around: Surroundings, now: datetime) -> ReceivedEvent:
    """The event of a run that took the state `after`; `run` is the run with it."""
    return ReceivedEvent(
        occurred=after.timestamp,
        event=f"prefect.flow-run.{after.name}",
        resource={
            "prefect.resource.id": f"prefect.flow-run.{run.id}",
            "prefect.resource.name": run.name,
            "prefect.run-count": str(run.run_count),
            "prefect.state-message": after.message or "",
            "prefect.state-name": after.name or "",
            "prefect.state-timestamp": after.timestamp.isoformat(),
            "prefect.state-type": after.type.value,
        },
        related=_related(run, around),
        payload={
            "intended": {"from": before.type.value if before else None, "to": after.type.value},
            "initial_state": _outline(before) if before else None,
            "validated_state": _outline(after),
        },
        id=after.id,
        follows=before.id if before else None,
        received=now,
    )


def _outline(state: State) -> dict[str, Any]:
    outline: dict[str, Any] = {"type": state.type.value, "name": state.name}
    if state.message:
        outline["message"] = state.message
    if state.state_details.pause_reschedule:
        outline["pause_reschedule"] = "true"
    return outline


def _related(run: FlowRun, around: Surroundings) -> list[dict[str, Any]]:
    found = [_one("flow", run.flow_id, around.flow_name)]
    if run.deployment_id is not None:
        found.append(_one("deployment", run.deployment_id, around.deployment_name))
    if run.work_queue_id is not None:
        found.append(_one("work-queue", run.work_queue_id, around.queue_name))
    if around.pool_id is not None:
        pool = _one("work-pool", around.pool_id, around.pool_name)
        found.append(pool | {"prefect.work-pool.type": around.pool_type or ""})
    if run.parent_task_run_id is not None:
        found.append({"prefect.resource.id": f"prefect.task-run.{run.parent_task_run_id}"} | _role("task-run"))
    found.extend({"prefect.resource.id": f"prefect.tag.{tag}"} | _role("tag") for tag in run.tags)
    maker = run.created_by
    if maker is not None and maker.id is not None and maker.type in _MAKERS:
        created = _one(_MAKERS[maker.type], maker.id, maker.display_value)
        found.append(created | _role("creator"))
    return found


_MAKERS = {"SCHEDULE": "deployment-schedule", "AUTOMATION": "automation", "DEPLOYMENT": "deployment"}


def _one(kind: str, id: object, name: str | None) -> dict[str, Any]:
    return {
        "prefect.resource.id": f"prefect.{kind}.{id}",
        "prefect.resource.role": kind,
        "prefect.resource.name": name or "",
    }


def _role(role: str) -> dict[str, Any]:
    return {"prefect.resource.role": role}
