"""What a deploy would do, as data: for a person's eyes, and as JSON for programs.

The JSON is a promise to CI scripts: `format` counts its incompatible changes, fields are only added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from penstock.client.deployments import Applied, Comparison, Outcome
from penstock.core.change_words import describe
from penstock.core.deployment_plans import DeploymentPlan
from penstock.core.owners import Change
from penstock.core.templates import unfilled
from penstock.deploy.compile import Draft
from penstock.wire.deployments import DeploymentCreate

FORMAT = 1
_UNSHOWN = ("name", "flow_id", "labels", "schedules", "parameter_openapi_schema", "version_info", "paused")
_MERGED = ("parameters", "job_variables")


class Action(StrEnum):
    """What becomes of one deployment."""

    CREATE = "create"
    CHANGE = "change"
    NONE = "none"
    REMOVE = "remove"


_OF_OUTCOME = {Outcome.CREATED: Action.CREATE, Outcome.UPDATED: Action.CHANGE, Outcome.UNCHANGED: Action.NONE}


@dataclass(frozen=True, slots=True)
class Item:
    """One deployment of a plan: what changes, and what stays as people changed it on the server."""

    name: str
    action: Action
    id: UUID | None = None
    version: int | None = None
    """The number of the version it is at."""
    changes: list[Change] = field(default_factory=list)
    kept: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unfinished: int = 0
    """Of one to be removed: runs that have begun, and go on."""


def item_of(compared: Comparison) -> Item:
    """A comparison as an item of a plan."""
    plan, found = compared.plan, compared.found
    if found is None:
        return Item(plan.full_name, Action.CREATE, changes=_first_values(plan), warnings=plan.warnings)
    made, kept = compared.changes.made, compared.changes.kept
    number = compared.version.number if compared.version else None
    action = Action.CHANGE if made else Action.NONE
    return Item(plan.full_name, action, found.id, number, made, kept, plan.warnings)


def item_done(applied: Applied) -> Item:
    """What was done, in the same form."""
    plan, done = applied.plan, applied.changes
    made = _first_values(plan) if applied.created else done.made
    return Item(plan.full_name, _OF_OUTCOME[applied.outcome], applied.id, None, made, done.kept, plan.warnings)


@cache
def _usual() -> dict[str, Any]:
    """What each field of a deployment is when nobody says it; asked once, for it is slow to find out."""
    return {one.encode_name: one.default for one in msgspec.structs.fields(DeploymentCreate)}


def _first_values(plan: DeploymentPlan) -> list[Change]:
    """What a new deployment says; what it leaves as usual is not shown."""
    body = plan.create(UUID(int=0))
    usual = _usual()
    said = [
        Change(name, UNSET, msgspec.to_builtins(value))
        for name in body.__struct_fields__
        if name not in _UNSHOWN and (value := getattr(body, name)) not in (usual[name], None, [], {})
    ]
    schedules = [
        Change(f"schedules[{one.slug or describe(one.schedule)}]", UNSET, one.schedule) for one in body.schedules
    ]
    automations = [Change(f"automations[{one.name}]", UNSET, one.trigger) for one in plan.automations(UUID(int=0))]
    paused = [Change("paused", UNSET, True)] if plan.paused else []
    return [*said, *paused, *schedules, *automations]


def unknown_fields(draft: Draft) -> frozenset[str]:
    """The names of the fields that build and push steps have a part in, as a comparison names them."""
    if not any(draft.steps.get(kind) for kind in ("build", "push")):
        return frozenset()
    pool = draft.values.get("work_pool") or {}
    values = {key: value for key, value in draft.values.items() if key != "work_pool"}
    values |= {"job_variables": pool.get("job_variables"), "work_pool_name": pool.get("name")}
    values |= {"work_queue_name": pool.get("work_queue_name"), "pull_steps": draft.steps.get("pull")}
    triggers = [{**one, "parameters": None} for one in values.get("triggers") or ()]
    waiting = [name for name, value in {**values, "triggers": triggers}.items() if unfilled(value, {})]
    return frozenset(one for name in waiting for one in _parts(name, values[name]))


def _parts(name: str, value: Any) -> Iterable[str]:
    """A mapping that is merged key by key waits key by key."""
    if not isinstance(value, Mapping) or not name.startswith(_MERGED):
        return [name]
    return [part for key, one in value.items() if unfilled(one, {}) for part in _parts(f"{name}.{key}", one)]


def as_json(items: Iterable[Item]) -> dict[str, Any]:
    """The plan for programs."""
    listed = list(items)
    counts = {action.value: sum(one.action is action for one in listed) for action in Action}
    return {"format": FORMAT, "summary": counts, "deployments": [_item(one) for one in listed]}


def _item(one: Item) -> dict[str, Any]:
    return {
        "name": one.name,
        "action": one.action.value,
        "id": str(one.id) if one.id else None,
        "version": one.version,
        "changes": [_change(change) for change in one.changes],
        "kept": [_change(change) for change in one.kept],
        "warnings": one.warnings,
        "unfinished_runs": one.unfinished,
    }


def _change(change: Change) -> dict[str, Any]:
    """What is not there is not in the JSON either, so that null says null."""
    sides = {"before": change.before, "after": change.after, "file": change.file}
    about = {"field": change.name, "owner": change.owner.value, "note": change.note}
    return about | {name: value for name, value in sides.items() if value is not UNSET}
