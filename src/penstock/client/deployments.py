"""Brings a plan to the server: creates the deployment, or changes the one of that flow and name.

A Penstock server keeps a version of what each deploy made, with the plan: what people changed since can be told
from what the file changed. On a Prefect server nothing tells, so the plan wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from msgspec.structs import replace

from penstock.client.client import Client
from penstock.client.surveys import Survey
from penstock.core.deployment_changes import Changes, applied_of, changes, plan_of, plan_restoring
from penstock.core.deployment_plans import OWNER, DeploymentPlan
from penstock.errors import Conflict, DeployFailed, FieldUnknown, NotFound, PenstockError
from penstock.wire import automations, deployment_versions, deployments, dispatch, flows
from penstock.wire.automations import Automation
from penstock.wire.deployment_versions import (
    VERSION_LABEL,
    DeploymentVersion,
    FirstVersion,
    FirstVersionMade,
    FirstVersions,
    NextVersion,
    VersionSource,
)
from penstock.wire.deployments import Deployment
from penstock.wire.flows import FlowCreate
from penstock.wire.model import Labels
from penstock.wire.schedules import DeploymentScheduleCreate

VERSIONS = "deployment_versions"
AT_ONCE = 50


class Outcome(StrEnum):
    """What became of a deployment."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan."""

    plan: DeploymentPlan
    id: UUID
    outcome: Outcome
    changes: Changes = field(default_factory=Changes)

    @property
    def created(self) -> bool:
        return self.outcome is Outcome.CREATED


@dataclass(frozen=True, slots=True)
class Deploying:
    """How a plan is brought to the server: by whom, for which project, and whether it wins over everything."""

    source: VersionSource = field(default_factory=VersionSource)
    labels: Labels = field(default_factory=dict)
    reset: bool = False
    restores: int | None = None
    """The version that this is a return to."""
    as_written: bool = True
    """Whether the plan is what its author wrote, so that later ones can be compared with it."""
    survey: Survey | None = None
    """What the server holds, where it was asked of many plans at once."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A plan beside what is on the server: nothing, or a deployment with its newest version."""

    plan: DeploymentPlan
    found: Deployment | None = None
    version: DeploymentVersion | None = None
    changes: Changes = field(default_factory=Changes)


def compare(
    client: Client,
    plan: DeploymentPlan,
    *,
    reset: bool = False,
    unknown: frozenset[str] = frozenset(),
    survey: Survey | None = None,
) -> Comparison:
    """What applying a plan would do (see `changes`); nothing is done."""
    found, version = _surveyed(survey, plan) if survey else _there(client, plan)
    if found is None:
        return Comparison(plan)
    last = plan_of(version.applied) if version else None
    own = related_automations(client, found.id) if plan.triggers or version is None or (last and last.triggers) else []
    seen = changes(plan, found, last=last, automations=own, reset=reset, unknown=unknown)
    return Comparison(plan, found, version, seen)


def _there(client: Client, plan: DeploymentPlan) -> tuple[Deployment | None, DeploymentVersion | None]:
    try:
        found = client.call(deployments.read_deployment_by_name, flow_name=plan.flow_name, deployment_name=plan.name)
    except NotFound:
        return None, None
    return found, newest_version(client, found)


def _surveyed(survey: Survey, plan: DeploymentPlan) -> tuple[Deployment | None, DeploymentVersion | None]:
    known = survey.found[plan.full_name]
    at = known.deployment and known.deployment.labels.get(VERSION_LABEL)
    return known.deployment, known.version if at is not None else None


def compare_version(
    client: Client, found: Deployment, flow_name: str, wanted: DeploymentVersion, *, reset: bool = False
) -> Comparison:
    """What going back to a version would do; nothing is done."""
    current = newest_version(client, found)
    plan = plan_restoring(found, flow_name, wanted)
    if wanted.applied is None:  # schedules and automations were not kept
        return Comparison(plan, found, current, changes(plan, found, reset=reset))
    last, own = plan_of(current.applied) if current else None, related_automations(client, found.id)
    return Comparison(plan, found, current, changes(plan, found, last=last, automations=own, reset=reset))


def newest_version(client: Client, found: Deployment) -> DeploymentVersion | None:
    """The version that a deployment is at; None where the server keeps none."""
    if VERSION_LABEL not in found.labels:
        return None
    kept = client.call(deployment_versions.list_versions, id=found.id, query={"limit": 1})
    return kept[0] if kept else None


def related_automations(client: Client, id: UUID) -> list[Automation] | None:
    """The automations that have to do with a deployment; None on a server without automations."""
    try:
        return client.call(automations.automations_related_to, resource_id=f"{OWNER}.{id}")
    except NotFound:
        return None


def apply(client: Client, plan: DeploymentPlan, deploying: Deploying | None = None) -> Applied:
    """Creates or changes the deployment and its automations; writes nothing where all is as planned.

    Raises `DeployFailed` with the server's reason when it refuses; doing it again is safe.
    """
    how = deploying or Deploying()
    try:
        return _carried_out(client, plan, how)
    except PenstockError as error:
        raise DeployFailed(f"{plan.full_name} was not deployed: {error.message}") from error


def _carried_out(client: Client, plan: DeploymentPlan, how: Deploying) -> Applied:
    try:
        return carry_out(client, compare(client, plan, reset=how.reset, survey=how.survey), how)
    except Conflict:
        if how.survey or keeps_versions(client):
            raise
        # A Prefect server answers so too when two of its own writes meet: what is there now is looked at, once.
        return carry_out(client, compare(client, plan, reset=how.reset), how)


def carry_out(client: Client, compared: Comparison, how: Deploying) -> Applied:
    """Does what a comparison shows."""
    plan, found = compared.plan, compared.found
    if plan.hosting and not how.survey and not keeps_versions(client):
        raise DeployFailed(
            f"{', '.join(plan.hosting)}: this is a Prefect server, which does none of that."
            " Leave it out, or deploy to a Penstock server."
        )
    if found is None:
        id = _create(client, plan, how)
        _make_automations(client, plan, id)
        return Applied(plan, id, Outcome.CREATED)
    if not compared.changes.made:
        return Applied(plan, found.id, Outcome.UNCHANGED, compared.changes)
    if VERSION_LABEL in found.labels:
        _next_version(client, compared, found, how)
        _edit_automations(client, compared.changes)
    else:
        _update(client, plan, found, how)
        _make_automations(client, plan, found.id, anew=True)
    return Applied(plan, found.id, Outcome.UPDATED, compared.changes)


def _update(client: Client, plan: DeploymentPlan, found: Deployment, how: Deploying) -> None:
    """Changes a deployment; one of a Prefect 2 server is written anew, as only some of its fields can be changed."""
    try:
        client.call(deployments.update_deployment, plan.update(), id=found.id)
    except FieldUnknown:
        body = plan.create(found.flow_id, how.labels)
        kept = [
            DeploymentScheduleCreate(
                schedule=one.schedule, active=one.active, max_scheduled_runs=one.max_scheduled_runs, slug=one.slug
            )
            for one in found.schedules
        ]
        as_new = replace(
            body,
            schedules=body.schedules or kept,
            storage_document_id=found.storage_document_id,
            infrastructure_document_id=found.infrastructure_document_id,
        )
        client.call(deployments.create_deployment, as_new)


def create_many(client: Client, plans: Sequence[tuple[DeploymentPlan, Deploying]]) -> dict[str, Applied | DeployFailed]:
    """Makes those that a survey has not found, many in one request; what became of each, by its full name.

    Gives nothing of the others: they are for `apply`. Raises `DeployFailed` when the server can't be reached.
    """
    new = [(plan, how) for plan, how in plans if how.survey and how.survey.found[plan.full_name].deployment is None]
    done: dict[str, Applied | DeployFailed] = {}
    for start in range(0, len(new) if len(new) > 1 else 0, AT_ONCE):
        some = new[start : start + AT_ONCE]
        try:
            body = FirstVersions(deployments=[_first(client, plan, how) for plan, how in some])
            answers = client.call(deployment_versions.create_first_versions, body)
        except PenstockError as error:
            raise DeployFailed(f"{some[0][0].full_name} and others were not deployed: {error.message}") from error
        for (plan, _), made in zip(some, answers, strict=True):
            done[plan.full_name] = _made(client, plan, made)
    return done


def _made(client: Client, plan: DeploymentPlan, made: FirstVersionMade) -> Applied | DeployFailed:
    if made.version is None:
        return DeployFailed(f"{plan.full_name} was not deployed: {made.fault}")
    try:
        _make_automations(client, plan, made.version.deployment_id)
    except PenstockError as error:
        return DeployFailed(f"{plan.full_name} was deployed without its triggers: {error.message}")
    return Applied(plan, made.version.deployment_id, Outcome.CREATED)


def _create(client: Client, plan: DeploymentPlan, how: Deploying) -> UUID:
    first = _first(client, plan, how)
    if not how.survey and not keeps_versions(client):
        return client.call(deployments.create_deployment, first.deployment).id
    return client.call(deployment_versions.create_first_version, first).deployment_id


def _first(client: Client, plan: DeploymentPlan, how: Deploying) -> FirstVersion:
    body = plan.create(_flow_id(client, plan, how.survey), how.labels)
    return FirstVersion(deployment=body, applied=applied_of(plan), source=how.source)


def _flow_id(client: Client, plan: DeploymentPlan, survey: Survey | None) -> UUID:
    known = survey.flows if survey else {}
    if plan.flow_name not in known:
        known[plan.flow_name] = client.call(flows.create_flow, FlowCreate(name=plan.flow_name, tags=[], labels={})).id
    return known[plan.flow_name]


def keeps_versions(client: Client) -> bool:
    """Whether the server keeps versions of deployments; a Prefect server does not."""
    try:
        return VERSIONS in client.call(dispatch.probe).features
    except NotFound:
        return False


def _next_version(client: Client, compared: Comparison, found: Deployment, how: Deploying) -> None:
    body = NextVersion(
        update=compared.changes.update,
        labels=how.labels,
        applied=applied_of(compared.plan) if how.as_written else None,
        source=how.source,
        restores=how.restores,
        based_on=compared.version.number if compared.version else None,
    )
    if compared.changes.schedules is not None:
        body = replace(body, schedules=compared.changes.schedules)
    client.call(deployment_versions.create_version, body, id=found.id)


def _edit_automations(client: Client, changed: Changes) -> None:
    edits = changed.automations
    for automation_id in edits.remove:
        client.call(automations.delete_automation, id=automation_id)
    for automation_id, update in edits.change:
        client.call(automations.update_automation, update, id=automation_id)
    for automation in edits.make:
        client.call(automations.create_automation, automation)


def _make_automations(client: Client, plan: DeploymentPlan, id: UUID, *, anew: bool = False) -> None:
    """The deployment's own automations; a server without automations has none."""
    try:
        if anew:
            client.call(automations.delete_automations_owned_by, resource_id=f"{OWNER}.{id}")
        for automation in plan.automations(id):
            client.call(automations.create_automation, automation)
    except NotFound:
        return
