"""Automations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict

from penstock.core.automation_shapes import check_no_loop, complete_actions, complete_trigger
from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.bind import Encoded, Request, handles
from penstock.store.automations import (
    AUTOMATIONS,
    create_automation,
    delete_automation,
    delete_owned_by,
    related_to,
    update_automation,
)
from penstock.wire import automations as wire
from penstock.wire.automations import Automation, AutomationCreate, AutomationPartialUpdate, AutomationUpdate
from penstock.wire.model import Criteria

ACTIONS = ("actions", "actions_on_trigger", "actions_on_resolve")


@handles(wire.create_automation)
async def create(at: Request, body: AutomationCreate) -> Automation:
    """Makes an automation."""
    fields = _completed(asdict(body))
    owner = fields.pop("owner_resource")
    automation = Automation(id=new_id(), created=at.now, updated=at.now, **fields)
    at.hub.publish_events([await at.store.write(create_automation(automation, owner, at.now))])
    return automation


@handles(wire.filter_automations)
async def list_automations(at: Request, body: Criteria) -> Encoded:
    """Automations that a filter finds."""
    return Encoded(await at.store.scan(AUTOMATIONS.list(body, at.store.dialect, most=at.most)))


@handles(wire.count_automations)
async def count(at: Request, body: Criteria) -> int:
    """How many automations a filter finds."""
    return await at.store.scan(AUTOMATIONS.count(body, at.store.dialect))


@handles(wire.automations_related_to)
async def related(at: Request, resource_id: str) -> Encoded:
    """Automations that look at, act on, or belong to a resource."""
    return Encoded(await at.store.read(related_to(resource_id)))


@handles(wire.delete_automations_owned_by)
async def delete_owned(at: Request, resource_id: str) -> None:
    """Deletes all automations of an owner, as a deployment's before it declares them anew."""
    at.hub.publish_events(await at.store.write(delete_owned_by(resource_id, at.now)))


@handles(wire.read_automation)
async def read(at: Request, id: UUID) -> Encoded:
    """An automation by its id."""
    found = await at.store.read(AUTOMATIONS.read(id))
    if found is None:
        raise NotFound("Automation not found")
    return Encoded(found)


@handles(wire.update_automation)
async def update(at: Request, body: AutomationUpdate, id: UUID) -> None:
    """Replaces what is given of an automation."""
    await _change(at, id, _completed(asdict(body)))


@handles(wire.patch_automation)
async def patch(at: Request, body: AutomationPartialUpdate, id: UUID) -> None:
    """Switches an automation on or off."""
    await _change(at, id, asdict(body))


@handles(wire.delete_automation)
async def delete(at: Request, id: UUID) -> None:
    """Deletes an automation."""
    at.hub.publish_events([await at.store.write(delete_automation(id, at.now))])


async def _change(at: Request, id: UUID, fields: dict[str, Any]) -> None:
    given = {name: value for name, value in fields.items() if value is not UNSET}
    at.hub.publish_events([await at.store.write(update_automation(id, given, at.now))])


def _completed(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with the defaults of triggers and actions filled in."""
    if fields["trigger"] is not UNSET:
        fields["trigger"] = complete_trigger(fields["trigger"], new_id)
    for name in ACTIONS:
        if fields[name] is not UNSET:
            fields[name] = complete_actions(fields[name], (name,))
    if fields["enabled"] is True and fields["trigger"] is not UNSET and fields["actions"] is not UNSET:
        check_no_loop(fields["trigger"], fields["actions"])
    return fields
