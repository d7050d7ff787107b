"""Lets what was copied at rest act as it did where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from penstock.client.client import Client
from penstock.client.lists import all_of
from penstock.core.server_copies import ACTIVE_LABEL
from penstock.errors import NotFound
from penstock.wire import automations, deployments, flows
from penstock.wire.automations import AutomationUpdate


@dataclass(frozen=True, slots=True)
class AtRest:
    """A deployment whose schedules wait, or an automation that is off."""

    kind: str
    name: str
    id: UUID


def at_rest(client: Client) -> list[AtRest]:
    """What was active where it came from and has not been switched on since."""
    names = {one.id: one.name for one in all_of(client, flows.filter_flows)}
    found = [
        AtRest("deployment", f"{names.get(one.flow_id, one.flow_id)}/{one.name}", one.id)
        for one in all_of(client, deployments.filter_deployments)
        if one.paused and one.labels.get(ACTIVE_LABEL)
    ]
    try:
        known = all_of(client, automations.filter_automations)
    except NotFound:
        known = []
    return found + [
        AtRest("automation", one.name, one.id) for one in known if not one.enabled and ACTIVE_LABEL in one.tags
    ]


def activate(client: Client, resting: list[AtRest]) -> Iterator[AtRest]:
    """Switches each on, and gives it once that is done."""
    for one in resting:
        if one.kind == "deployment":
            client.call(deployments.resume_deployment, id=one.id)
        else:
            _switch_on(client, one.id)
        yield one


def _switch_on(client: Client, id: UUID) -> None:
    """The mark goes: whoever switches it off later means it."""
    known = client.call(automations.read_automation, id=id)
    change = AutomationUpdate(
        name=known.name,
        trigger=known.trigger,
        actions=known.actions,
        tags=[tag for tag in known.tags if tag != ACTIVE_LABEL],
        enabled=True,
    )
    client.call(automations.update_automation, change, id=id)
