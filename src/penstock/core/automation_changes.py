"""A deployment's own automations after a deploy: those that the triggers of its plan are.

Automations are known by their names. Ids that a server gives to triggers say nothing, and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec import UNSET

from penstock.core.automation_shapes import complete_actions, complete_trigger
from penstock.core.deployment_plans import DeploymentPlan
from penstock.core.owners import Owner, Three, keywise
from penstock.wire.automations import Automation, AutomationCreate, AutomationUpdate

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class AutomationEdits:
    """What is to be done on the server."""

    make: list[AutomationCreate] = field(default_factory=list)
    change: list[tuple[UUID, AutomationUpdate]] = field(default_factory=list)
    remove: list[UUID] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.make or self.change or self.remove)


def automation_edits(
    three: Three, plan: DeploymentPlan, last: DeploymentPlan | None, found: list[Automation], deployment_id: UUID
) -> AutomationEdits:
    """What brings the automations to the plan; differences are told to `three`.

    `found` are all that have to do with the deployment: people's own automations about it are left alone.
    """
    there = {one.name: one for one in found}
    before = {one.name: one for one in last.automations(deployment_id)} if last else {}
    edits = AutomationEdits()
    wanted = plan.automations(deployment_id)
    for one in wanted:
        _bring(three, one, before.get(one.name), there.get(one.name), edits)
    own = {f"{plan.name}__automation_{number}" for number in range(1, len(found) + 1)} | set(before)
    for name, automation in there.items():
        if name in own and name not in {one.name for one in wanted}:
            three.remove(f"automations[{name}]", _form(automation))
            edits.remove.append(automation.id)
    return edits


def _bring(
    three: Three,
    wanted: AutomationCreate,
    last: AutomationCreate | None,
    there: Automation | None,
    edits: AutomationEdits,
) -> None:
    name, file = f"automations[{wanted.name}]", _form(wanted)
    before = _form(last) if last else UNSET
    if there is None:
        if three.keeps(before, file):
            three.keep(name, UNSET, file)
        else:
            three.value(name, UNSET, file, UNSET)
            edits.make.append(wanted)
        return
    told = len(three.changes)
    after = keywise(three, name, before, file, _form(there))
    if any(one.owner is Owner.FILE for one in three.changes[told:]):
        edits.change.append((there.id, AutomationUpdate(name=wanted.name, tags=there.tags, **after)))


def _form(one: Automation | AutomationCreate) -> dict[str, Any]:
    """An automation as it can be compared."""
    return {
        "description": one.description,
        "enabled": one.enabled,
        "trigger": _bare(complete_trigger(one.trigger, lambda: _NOBODY)),
        "actions": [_said(action) for action in complete_actions(one.actions)],
    }


def _bare(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """A trigger, and those within, without ids."""
    said = {key: value for key, value in _said(trigger).items() if key != "id"}
    return said | {"triggers": [_bare(one) for one in said["triggers"]]} if "triggers" in said else said


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in value.items() if one is not None}
