"""A plan as data for programs, and the parts of it that people read in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from penstock.core.infrastructure_blocks import Remark, Severity
from penstock.core.infrastructure_jobs import Difference
from penstock.core.template_changes import template_changes
from penstock.core.upgrade_plans import DeploymentUpgrade, NewBlock, PoolPlan, Taken, UpgradePlan, UpgradeState

LONGEST = 100


def as_data(plan: UpgradePlan) -> dict[str, Any]:
    """The plan for programs: what is to be made, what becomes of each deployment, how many of each there are."""
    return {
        "pools": [_pool(one) for one in plan.pools],
        "blocks": [_block(one) for one in plan.blocks],
        "deployments": [_deployment(one) for one in plan.deployments],
        "notes": [_remark(one) for one in plan.notes],
        "counts": {state.value: len(plan.of(state)) for state in UpgradeState},
    }


def set_by(pool: PoolPlan, type_template: Mapping[str, Any]) -> list[str]:
    """What the pool says that its type does not, as `name = value`, and the parts of the job that are its own."""
    kinds = type_template.get("variables", {}).get("properties", {})
    done = []
    for name, schema in pool.template["variables"].get("properties", {}).items():
        usual, value = kinds.get(name, {}).get("default"), schema.get("default")
        if value != usual and (value or usual):
            done.append(f"{name} = {shown(value)}")
    usual = type_template.get("job_configuration", {})
    changed = template_changes(usual, pool.template["job_configuration"])
    return done + [f"{one.sign} {one.path}: {shown(one.after)}" for one in changed if one.sign != "-"]


def variables(values: Mapping[str, Any]) -> list[str]:
    """Job variables as `name = value`, those of the environment one by one."""
    done = []
    for name, value in values.items():
        if name == "env" and isinstance(value, Mapping):
            done += [f"env.{key} = {shown(one)}" for key, one in value.items()]
        else:
            done.append(f"{name} = {shown(value)}")
    return done


def steps(pull_steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each pull step in one line: its name and what it is given."""
    done = []
    for step in pull_steps:
        for name, inputs in step.items():
            given = ", ".join(f"{key}={_bare(one)}" for key, one in (inputs or {}).items() if key != "id")
            done.append(f"{name.rpartition('.')[2]} {given}".rstrip())
    return done


def worst_first(remarks: Iterable[Remark]) -> list[Remark]:
    """The remarks, errors before warnings before notes."""
    order = [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    return sorted(remarks, key=lambda one: order.index(one.severity))


def difference(one: Difference) -> str:
    """One difference of two jobs in a line."""
    return f"{one.place}: {shown(one.old)} -> {shown(one.new)}"


def shown(value: Any) -> str:
    """A value in few characters; null is nothing."""
    text = "nothing" if value is None else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _pool(one: PoolPlan) -> dict[str, Any]:
    return {
        "name": one.name,
        "type": one.type,
        "exists": one.exists,
        "blocks": list(one.blocks),
        "concurrency_limit": one.concurrency_limit,
        "is_paused": one.is_paused,
        "description": one.description,
        "queues": [asdict(queue) for queue in one.queues],
        "base_job_template": one.template,
        "remarks": [_remark(each) for each in one.remarks],
    }


def _block(one: NewBlock) -> dict[str, Any]:
    data = {name: _value(value) for name, value in one.data.items()}
    return {"type": one.type_slug, "name": one.name, "exists": one.exists, "data": data}


def _value(value: Any) -> Any:
    if isinstance(value, Taken):
        return {"taken_from": {"block_document_id": str(value.block_document_id), "field": value.field}}
    return value


def _deployment(one: DeploymentUpgrade) -> dict[str, Any]:
    return {
        "name": one.old.full_name,
        "id": str(one.old.deployment.id),
        "state": one.state.value,
        "block": one.old.block.title if one.old.block else None,
        "place": one.old.place,
        "after": one.after,
        "remarks": [_remark(each) for each in one.remarks],
    }


def _remark(one: Remark) -> dict[str, str]:
    return {**asdict(one), "severity": one.severity.value}
