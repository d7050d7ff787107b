"""Automations: what is to be done when events come, or stay away."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from penstock.core.automation_shapes import related_resources
from penstock.errors import NotFound
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents, as_array
from penstock.store.events import emit, event_of
from penstock.store.statements import load
from penstock.wire.automations import Automation
from penstock.wire.events import ReceivedEvent

AUTOMATIONS = Documents("automations", Automation, columns=("name", "enabled", "tags"))
SQL = load("automations")


@intent
def create_automation(automation: Automation, owner: str | None, now: datetime) -> Steps[ReceivedEvent]:
    """Makes an automation, owned by a resource or by nobody."""
    yield AUTOMATIONS.insert(automation)
    if owner:
        yield SQL.set_owner(id=str(automation.id), owner_resource=owner)
    yield from _relate(automation, owner)
    return (yield from _emit("created", automation, now))


@intent
def update_automation(id: UUID, changes: dict[str, Any], now: datetime) -> Steps[ReceivedEvent]:
    """Changes fields of an automation; `NotFound` when there is none."""
    automation = yield from AUTOMATIONS.find(id)
    if automation is None:
        raise NotFound("Automation not found")
    automation = replace(automation, updated=now, **changes)
    yield AUTOMATIONS.replace(automation)
    owner = (yield SQL.read_owner(id=str(id)))[0][0]
    yield SQL.forget_resources(id=str(id))
    yield from _relate(automation, owner)
    return (yield from _emit("updated", automation, now))


@intent
def delete_automation(id: UUID, now: datetime) -> Steps[ReceivedEvent]:
    """Deletes an automation; `NotFound` when there is none."""
    automation = yield from AUTOMATIONS.find(id)
    if automation is None:
        raise NotFound("Automation not found")
    return (yield from _delete(automation, now))


@intent
def delete_owned_by(resource: str, now: datetime) -> Steps[list[ReceivedEvent]]:
    """Deletes all automations of an owner."""
    rows = yield SQL.owned_by(owner_resource=resource)
    events = []
    for row in rows:
        events.append((yield from _delete(AUTOMATIONS.decode(row[0]), now)))
    return events


@intent
def related_to(resource: str) -> Steps[bytes]:
    """The JSON array of the automations that look at, act on, or belong to a resource."""
    return as_array((yield SQL.related_to(resource_id=resource)))


def _delete(automation: Automation, now: datetime) -> Steps[ReceivedEvent]:
    yield AUTOMATIONS.remove(automation.id)
    yield SQL.forget_resources(id=str(automation.id))
    return (yield from _emit("deleted", automation, now))


def _relate(automation: Automation, owner: str | None) -> Steps[None]:
    actions = [*automation.actions, *automation.actions_on_trigger, *automation.actions_on_resolve]
    resources = related_resources(automation.trigger, actions) | ({owner} if owner else set())
    yield SQL.relate.each([{"id": str(automation.id), "resource_id": resource} for resource in sorted(resources)])


def _emit(what: str, automation: Automation, now: datetime) -> Steps[ReceivedEvent]:
    payload = {name: getattr(automation, name) for name in automation.__struct_fields__}
    name = f"prefect.automation.{what}"
    event = event_of(name, "automation", automation.id, now=now, label=automation.name, payload=payload)
    yield emit(event)
    return event
