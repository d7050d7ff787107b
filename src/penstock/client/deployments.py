"""Brings a plan to the server: creates the deployment, or changes the one of that flow and name."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from penstock.client.client import Client
from penstock.core.deployment_plans import OWNER, DeploymentPlan
from penstock.errors import DeployFailed, NotFound, PenstockError
from penstock.wire import automations, deployments, flows
from penstock.wire.flows import FlowCreate


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan."""

    plan: DeploymentPlan
    id: UUID
    created: bool


def apply(client: Client, plan: DeploymentPlan) -> Applied:
    """Creates or changes the deployment and its automations.

    Raises `DeployFailed` with the server's reason when it refuses; doing it again is safe.
    """
    try:
        id, created = _deployment(client, plan)
        _automations(client, plan, id)
    except PenstockError as error:
        raise DeployFailed(f"{plan.full_name} was not deployed: {error.message}") from error
    return Applied(plan, id, created)


def _deployment(client: Client, plan: DeploymentPlan) -> tuple[UUID, bool]:
    try:
        found = client.call(deployments.read_deployment_by_name, flow_name=plan.flow_name, deployment_name=plan.name)
    except NotFound:
        flow = client.call(flows.create_flow, FlowCreate(name=plan.flow_name, tags=[], labels={}))
        return client.call(deployments.create_deployment, plan.create(flow.id)).id, True
    client.call(deployments.update_deployment, plan.update(), id=found.id)
    return found.id, False


def _automations(client: Client, plan: DeploymentPlan, id: UUID) -> None:
    """The deployment's own automations are replaced by the plan's; a server without automations has none."""
    try:
        client.call(automations.delete_automations_owned_by, resource_id=f"{OWNER}.{id}")
    except NotFound:
        return
    for automation in plan.automations(id):
        client.call(automations.create_automation, automation)
