"""What a client of Prefect 2 writes, in the words of today (openapi-diff.md 1).

Only a body that has no place in today's shape is looked at, so nobody else pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from penstock.errors import InvalidRequest
from penstock.wire.deployments import DeploymentCreate, DeploymentUpdate
from penstock.wire.schedules import DeploymentScheduleCreate, DeploymentScheduleUpdate

MANIFEST = "manifest_path"
"""Named the flow of deployments of 2022; kept where it is said."""
DROPPED_OF_SCHEDULES = ("max_active_runs", "catchup")
"""What Prefect 2 took from clients and did nothing with."""
OLDER = frozenset({"infra_overrides", "schedule", "is_schedule_active"})


def today(shape: Any, raw: Any) -> Any | None:
    """The body as a client of today would write it; None where it holds nothing of Prefect 2.

    `InvalidRequest` when it says the same thing twice, and not alike.
    """
    renew = _RENEWALS.get(shape)
    if renew is None and isinstance(raw, list) and (inner := get_args(shape)):
        renew = _RENEWALS.get(inner[0])
        return [renew(one) for one in raw] if renew and all(isinstance(one, dict) for one in raw) else None
    return renew(raw) if renew and isinstance(raw, dict) else None


def _created(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Where it is not said, parameters were not checked against their schema."""
    first = {"enforce_parameter_schema": False} if (OLDER | {MANIFEST}) & raw.keys() else {}
    return first | _deployment(raw)


def _deployment(raw: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in raw.items() if name not in OLDER}
    if body.get(MANIFEST, "") is None:
        del body[MANIFEST]
    overrides = raw.get("infra_overrides")
    if overrides is not None:
        if body.get("job_variables") not in (None, {}, overrides):
            message = "infra_overrides and job_variables are two names of one thing, and differ here."
            raise InvalidRequest(message, loc=("body", "infra_overrides"))
        body["job_variables"] = overrides
    schedules = [_schedule(one) if isinstance(one, dict) else one for one in body.get("schedules") or []]
    if raw.get("schedule") is not None and not schedules:
        schedules = [{"schedule": raw["schedule"]}]
    if schedules or "schedules" in body:
        body["schedules"] = schedules
    if raw.get("is_schedule_active") is not None and body.get("paused") is None:
        body["paused"] = not raw["is_schedule_active"]
    return body


def _schedule(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in DROPPED_OF_SCHEDULES}


_RENEWALS: Mapping[Any, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    DeploymentCreate: _created,
    DeploymentUpdate: _deployment,
    DeploymentScheduleCreate: _schedule,
    DeploymentScheduleUpdate: _schedule,
}
