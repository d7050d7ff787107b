"""Notification policies, as clients and dashboards of Prefect 2 know them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from penstock.core.automation_shapes import complete_actions, complete_trigger
from penstock.core.notification_policies import OWNER, PolicyFields, automation_fields, policy_of
from penstock.errors import NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.store import notification_policies as store
from penstock.store.automations import create_automation, delete_automation, update_automation
from penstock.store.filters import bounded
from penstock.wire import notification_policies as wire
from penstock.wire.automations import Automation
from penstock.wire.model import changed
from penstock.wire.notification_policies import (
    NotificationPolicy,
    NotificationPolicyCreate,
    NotificationPolicyUpdate,
    PoliciesWanted,
)


@handles(wire.create_policy)
async def create(at: Request, body: NotificationPolicyCreate) -> NotificationPolicy:
    """Makes a policy: an automation of the policies' owner."""
    fields = _completed(PolicyFields(**{name: getattr(body, name) for name in body.__struct_fields__}))
    automation = Automation(id=new_id(), created=at.now, updated=at.now, **fields)
    at.hub.publish_events([await at.store.write(create_automation(automation, OWNER, at.now))])
    return policy_of(automation)


@handles(wire.filter_policies)
async def list_policies(at: Request, body: PoliciesWanted) -> list[NotificationPolicy]:
    """Policies, the oldest first; a filter without a wish means those that are not active, as in Prefect 2."""
    active: bool | None = None
    if (wanted := body.flow_run_notification_policy_filter) is not None:
        active = (wanted.get("is_active") or {"eq_": False}).get("eq_")
    found = await at.store.scan(store.page(active, bounded(body.limit, at.most), body.offset or 0))
    return [policy_of(one) for one in found]


@handles(wire.read_policy)
async def read(at: Request, id: UUID) -> NotificationPolicy:
    """A policy by its id."""
    return policy_of(await _find(at, id))


@handles(wire.update_policy)
async def update(at: Request, body: NotificationPolicyUpdate, id: UUID) -> None:
    """Changes what is given of a policy; null changes nothing."""
    policy = policy_of(await _find(at, id))
    before = PolicyFields(**{name: getattr(policy, name) for name in PolicyFields.__slots__})
    given = {name: value for name, value in changed(body).items() if value is not None}
    fields = _completed(replace(before, **given))
    at.hub.publish_events([await at.store.write(update_automation(id, fields, at.now))])


@handles(wire.delete_policy)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a policy."""
    await _find(at, id)
    at.hub.publish_events([await at.store.write(delete_automation(id, at.now))])


async def _find(at: Request, id: UUID) -> Automation:
    found = await at.store.read(store.read(id))
    if found is None:
        raise NotFound("Flow run notification policy not found")
    return found


def _completed(policy: PolicyFields) -> dict[str, Any]:
    fields = automation_fields(policy)
    return {
        **fields,
        "trigger": complete_trigger(fields["trigger"], new_id),
        "actions": complete_actions(fields["actions"]),
    }
