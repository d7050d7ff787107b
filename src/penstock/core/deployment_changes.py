"""What deploying a plan would change, worked out from three sides: what the file says now, what it said when it was
deployed last, and what is on the server.

What the file says anew wins. What a person changed on the server, while the file stayed as it was, is kept. Where
nobody knows what was deployed last (another server, another tool), the file wins, as Prefect does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from msgspec import UNSET

from penstock.core.automation_changes import AutomationEdits, automation_edits
from penstock.core.deployment_plans import DeploymentPlan
from penstock.core.owners import Change, Owner, Three, keywise
from penstock.core.schedule_changes import schedules_after, schedules_replaced, without_anchor
from penstock.wire.automations import Automation
from penstock.wire.deployment_versions import DeploymentVersion, KeptSchedule
from penstock.wire.deployments import ConcurrencyOptions, Deployment, DeploymentUpdate

DEFAULT_QUEUE = "default"
_OF_CODE = ("version", "parameter_openapi_schema", "path", "entrypoint")
"""What follows from the flow's code: nobody else has a say in it."""
_APART = ("version_info", "schedules", "tags", "work_queue_name")


@dataclass(frozen=True, slots=True)
class Changes:
    """What deploying does to a deployment that is there: `made` is what changes, `kept` what the server's people have
    changed and keep. `update` has only the fields that change."""

    made: list[Change] = field(default_factory=list)
    kept: list[Change] = field(default_factory=list)
    update: DeploymentUpdate = field(default_factory=DeploymentUpdate)
    schedules: list[KeptSchedule] | None = None
    automations: AutomationEdits = field(default_factory=AutomationEdits)


def applied_of(plan: DeploymentPlan) -> dict[str, Any]:
    """A plan as it is kept with the version that it made: no warnings, and no anchor that nobody gave."""
    schedules = [replace(one, schedule=without_anchor(one.schedule, plan.made_at)) for one in plan.schedules]
    kept: dict[str, Any] = msgspec.to_builtins(replace(plan, warnings=[], built={}, made_at=None, schedules=schedules))
    return kept


def plan_of(applied: Mapping[str, Any] | None) -> DeploymentPlan | None:
    """The plan that was kept; None where none was, or one of a shape that is not known any more."""
    try:
        return None if applied is None else msgspec.convert(applied, DeploymentPlan)
    except msgspec.ValidationError:
        return None


def plan_restoring(found: Deployment, flow_name: str, version: DeploymentVersion) -> DeploymentPlan:
    """What a version was: as its author wrote it, else what was kept of it, with all else as it is now."""
    written = plan_of(version.applied)
    if written is not None:
        return replace(written, flow_name=flow_name, name=found.name)
    about = {"id": found.id, "name": found.name, "flow_id": found.flow_id}
    was = msgspec.convert({**version.deployment, **about}, Deployment)
    return DeploymentPlan(
        flow_name,
        found.name,
        was.entrypoint,
        version=was.version,
        description=was.description,
        path=was.path,
        tags=was.tags,
        parameters=was.parameters,
        parameter_schema=was.parameter_openapi_schema or {},
        enforce_parameter_schema=was.enforce_parameter_schema,
        paused=found.paused,
        concurrency_limit=_on_server(found, "concurrency_limit"),
        concurrency_options=was.concurrency_options,
        work_pool_name=found.work_pool_name,
        work_queue_name=found.work_queue_name,
        job_variables=was.job_variables,
        pull_steps=was.pull_steps or [],
    )


def changes(
    plan: DeploymentPlan,
    found: Deployment,
    *,
    last: DeploymentPlan | None = None,
    automations: list[Automation] | None = None,
    reset: bool = False,
    unknown: frozenset[str] = frozenset(),
) -> Changes:
    """What deploying would do; `last` is the plan that was deployed last, where that is known.

    With `reset` the file wins over everything. Without `automations` nothing is said about them, nor about the
    fields that are `unknown`.
    """
    three = Three(knows_last=last is not None, reset=reset, unknown=unknown)
    values = {name: _merged(three, name, plan, last, found) for name in _fields(plan)}
    values["tags"] = three.tags(last.tags if last else [], plan.tags, found.tags)
    values["work_queue_name"] = _queue(three, plan, last, found)
    if last is not None or reset:
        before = list(last.schedules) if last else []
        schedules = schedules_after(three, before, list(plan.schedules), found.schedules, plan.made_at)
    else:
        schedules = schedules_replaced(three, list(plan.schedules), found.schedules, plan.made_at)
    edits = AutomationEdits()
    if automations is not None and "triggers" not in unknown:
        edits = automation_edits(three, plan, last, automations, found.id)
    made = [one for one in three.changes if one.owner is Owner.FILE]
    return Changes(
        made,
        [one for one in three.changes if one.owner is Owner.SERVER],
        _update(plan, values, made),
        schedules,
        edits,
    )


def _fields(plan: DeploymentPlan) -> list[str]:
    said = plan.update()
    return [name for name in said.__struct_fields__ if getattr(said, name) is not UNSET and name not in _APART]


def _merged(three: Three, name: str, plan: DeploymentPlan, last: DeploymentPlan | None, found: Deployment) -> Any:
    before = UNSET if last is None else _plain(getattr(last.update(), name))
    sides = three.without_last() if name in _OF_CODE else three
    return keywise(sides, name, before, _plain(getattr(plan.update(), name)), _plain(_on_server(found, name)))


def _on_server(found: Deployment, name: str) -> Any:
    if name == "concurrency_limit":
        return found.global_concurrency_limit.limit if found.global_concurrency_limit else None
    return getattr(found, name)


def _queue(three: Three, plan: DeploymentPlan, last: DeploymentPlan | None, found: Deployment) -> Any:
    """No queue is the pool's first one."""
    here = DEFAULT_QUEUE if found.work_queue_name == DEFAULT_QUEUE else None
    before: Any = (last.work_queue_name or here) if last else UNSET
    return keywise(three, "work_queue_name", before, plan.work_queue_name or here, found.work_queue_name)


def _update(plan: DeploymentPlan, values: Mapping[str, Any], made: list[Change]) -> DeploymentUpdate:
    changed = {one.name.partition(".")[0] for one in made}
    given = {name: value for name, value in values.items() if name in changed}
    if plan.work_pool_name and {"work_pool_name", "work_queue_name"} & changed:
        given |= {"work_pool_name": values["work_pool_name"], "work_queue_name": values["work_queue_name"]}
    if "concurrency_options" in given:
        given["concurrency_options"] = msgspec.convert(given["concurrency_options"], ConcurrencyOptions | None)
    return DeploymentUpdate(**given, version_info=plan.version_info or UNSET)


def _plain(value: Any) -> Any:
    """As it comes back from a server; what is not set is none."""
    if value is UNSET:
        return None
    return msgspec.json.decode(msgspec.json.encode(value))
